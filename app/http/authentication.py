"""Authentication by bearer token or session cookie: the viewer, staff or admin that an endpoint requires."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from app.auth import service
from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http import cookies, course_of_request, request_metrics
from app.http.sessions import Db
from app.problems import Forbidden, Unauthenticated

bearer_scheme = HTTPBearer(auto_error=False, description="A token of `POST /admin/users` or `assay tokens create`.")


def optional_viewer(
    request: Request, database: Db, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer_scheme)]
) -> Viewer | None:
    """The viewer within the course of the request, or ``None``; see `app.auth.access`.

    An invalid bearer token does not fall back to the cookie.
    """
    if "authorization" in request.headers:
        if bearer is None:
            return None
        with database.read() as session:
            viewer = service.by_token(session, bearer.credentials)
            if viewer is not None:
                return course_of_request.narrow(session, request, viewer)
        request_metrics.TOKENS_REFUSED.labels("bearer").inc()
        return None
    if not (cookie := request.cookies.get(cookies.NAME)):
        return None
    with database.read() as session:
        viewer = service.by_cookie(session, cookie)
        return viewer and course_of_request.narrow(session, request, viewer)


def cookie_viewer(request: Request, database: Database) -> Viewer | None:
    """The viewer who is logged in with this browser, outside of any course, or ``None``."""
    cookie = request.cookies.get(cookies.NAME)
    if not cookie:
        return None
    with database.read() as session:
        return service.by_cookie(session, cookie)


async def require_viewer(viewer: Annotated[Viewer | None, Depends(optional_viewer)]) -> Viewer:
    """Any person with an account. Raises `Unauthenticated`."""
    if viewer is None:
        raise Unauthenticated
    return viewer


async def require_staff(viewer: Annotated[Viewer, Depends(require_viewer)]) -> Viewer:
    """A TA, an instructor or an admin. Raises `Forbidden`."""
    if not viewer.is_staff:
        raise Forbidden("Only the course's staff may do this.")
    return viewer


async def require_admin(viewer: Annotated[Viewer, Depends(require_viewer)]) -> Viewer:
    """An admin. Raises `Forbidden`."""
    if not viewer.is_admin:
        raise Forbidden("Only an admin may do this.")
    return viewer


OptionalViewer = Annotated[Viewer | None, Depends(optional_viewer)]
AnyViewer = Annotated[Viewer, Depends(require_viewer)]
StaffViewer = Annotated[Viewer, Depends(require_staff)]
AdminViewer = Annotated[Viewer, Depends(require_admin)]
