"""``/admin/regrades``: begin, watch, look at the changes, publish, take back, cancel."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request, Response

from app import problems
from app.api.assignments import Course
from app.courses.names import course_of
from app.http.authentication import AdminViewer
from app.http.sessions import ReadSession, WriteSession
from app.regrades import service
from app.regrades.schemas import ChangeView, RegradeView, RegradeWish

router = APIRouter(prefix="/admin/regrades", tags=["admin"], responses=problems.documented(401, 403, 422))


@router.post("", status_code=202, responses=problems.documented(404, 409))
def create_regrade(
    request: Request, response: Response, viewer: AdminViewer, session: WriteSession, wish: RegradeWish
) -> RegradeView:
    """Start a regrade. Students see no change before it is published."""
    regrade = service.create(session, request.app.state.jobs, viewer, wish)
    response.headers["Location"] = f"/api/v1/admin/regrades/{regrade.id}"
    return service.view(session, regrade)


@router.get("", responses=problems.documented(404))
def list_regrades(viewer: AdminViewer, session: ReadSession, course: Course = None) -> list[RegradeView]:
    """The latest regrades, newest first."""
    return [view for view in service.newest(session) if course in (None, course_of(view.assignment))]


@router.get("/{regrade_id}", responses=problems.documented(404))
def get_regrade(viewer: AdminViewer, session: ReadSession, regrade_id: uuid.UUID) -> RegradeView:
    """A regrade and its progress."""
    return service.view(session, service.find(session, regrade_id))


@router.get("/{regrade_id}/changes", responses=problems.documented(404))
def list_regrade_changes(viewer: AdminViewer, session: ReadSession, regrade_id: uuid.UUID) -> list[ChangeView]:
    """Every change that a student sees, or would see after publication, with its reason."""
    return service.changes(session, regrade_id)


@router.post("/{regrade_id}/publish", responses=problems.documented(404, 409))
def publish_regrade(viewer: AdminViewer, session: WriteSession, regrade_id: uuid.UUID) -> RegradeView:
    """Publish the previewed points, all at once."""
    return service.view(session, service.publish(session, viewer, regrade_id))


@router.post("/{regrade_id}/revert", responses=problems.documented(404, 409))
def revert_regrade(viewer: AdminViewer, session: WriteSession, regrade_id: uuid.UUID) -> RegradeView:
    """Revert a published regrade: exactly the former points count again."""
    return service.view(session, service.revert(session, viewer, regrade_id))


@router.post("/{regrade_id}/cancel", responses=problems.documented(404, 409))
def cancel_regrade(viewer: AdminViewer, session: WriteSession, regrade_id: uuid.UUID) -> RegradeView:
    """Cancel a running regrade, or discard a preview."""
    return service.view(session, service.cancel(session, viewer, regrade_id))
