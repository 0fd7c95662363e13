"""The courses of a learning platform, and the courses here that they are linked to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.courses import repository as courses
from app.db.engine import Database
from app.http.authentication import AdminViewer
from app.http.sessions import Db, ReadSession
from app.lti import contexts, registration, repository
from app.lti.models import Platform
from app.pages import rendering
from app.problems import Problem

router = APIRouter(prefix="/admin/lti/platforms/{name}/contexts")
_Course = Annotated[str, Form(max_length=16)]


@router.get("")
def listed(request: Request, viewer: AdminViewer, session: ReadSession, name: str) -> HTMLResponse:
    """The platform's courses that launched or are linked. While there is one course only, there is no such page."""
    return _page(request, viewer, session, name)


@router.post("")
def link_new(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    name: str,
    deployment: Annotated[str, Form(max_length=255)] = "",
    context_id: Annotated[str, Form(max_length=255)] = "",
    course: _Course = "",
) -> Response:
    """Link a course of the platform that has not launched yet."""

    def change(session: Session, platform: Platform) -> None:
        contexts.link_new(session, platform, deployment, context_id.strip(), course, actor=viewer.login)

    typed = {"deployment": deployment, "context_id": context_id, "course": course}
    return _changed(request, viewer, database, name, change, typed=typed)


@router.post("/instructors")
def let_instructors_link(
    request: Request, viewer: AdminViewer, database: Db, name: str, allowed: Annotated[bool, Form()] = False
) -> Response:
    """Allow or forbid that instructors link their courses by a launch."""

    def change(session: Session, platform: Platform) -> None:
        contexts.let_instructors_link(session, platform, allowed=allowed, actor=viewer.login)

    return _changed(request, viewer, database, name, change)


@router.post("/{context}/link")
def link(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    name: str,
    context: int,
    course: _Course = "",
    former: _Course = "",
) -> Response:
    """Link a course of the platform, or link it to another course; ``former`` is its link on the page."""

    def change(session: Session, platform: Platform) -> None:
        row = contexts.find(session, platform, context)
        contexts.link(session, platform, row, course, former or None, actor=viewer.login)

    return _changed(request, viewer, database, name, change, wishes={context: course})


@router.post("/{context}/unlink")
def unlink(
    request: Request, viewer: AdminViewer, database: Db, name: str, context: int, former: _Course = ""
) -> Response:
    """Refuse further launches from a course of the platform."""

    def change(session: Session, platform: Platform) -> None:
        row = contexts.find(session, platform, context)
        contexts.unlink(session, platform, row, former or None, actor=viewer.login)

    return _changed(request, viewer, database, name, change)


def _changed(
    request: Request,
    viewer: Any,
    database: Database,
    name: str,
    change: Callable[[Session, Platform], None],
    **context: Any,
) -> Response:
    """Make a change, or show the page with what was typed and why it was not made."""
    try:
        with database.write() as session:
            change(session, registration.find(session, name))
    except (registration.PlatformNotFound, contexts.ContextNotFound):
        raise
    except Problem as problem:
        with database.read() as session:
            return _page(request, viewer, session, name, problem, **context)
    return RedirectResponse(f"/admin/lti/platforms/{name}/contexts", status_code=303)


def _page(
    request: Request,
    viewer: Any,
    session: Session,
    name: str,
    problem: Problem | None = None,
    *,
    wishes: Mapping[int, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    platform = registration.find(session, name)
    several = courses.several(session)
    if not several:
        raise contexts.ContextNotFound
    return rendering.page(
        request,
        "admin_lti_contexts.html",
        viewer=viewer,
        problem=problem,
        platform=platform,
        contexts=repository.contexts(session, platform.id),
        titles={row.slug: row.title for row in several},
        offered=[row for row in several if row.archived_at is None],
        wishes=wishes or {},
        typed=typed or {},
    )
