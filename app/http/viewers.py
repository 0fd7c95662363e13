"""What an endpoint asks for: a viewer, a staff member, an admin. By bearer token or by session cookie."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from fastapi.security.http import HTTPAuthorizationCredentials

from app.auth import service
from app.auth.viewer import Viewer
from app.http import cookies, request_metrics
from app.http.sessions import Db
from app.problems import Forbidden, Unauthenticated

_bearer = HTTPBearer(auto_error=False, description="A token of `POST /admin/users` or `assay tokens create`.")


def optional_user(
    request: Request, database: Db, bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Viewer | None:
    """Who asks, or ``None``. A bearer token that is sent must be valid: it never falls back to the cookie."""
    if "authorization" in request.headers:
        if bearer is None:
            return None
        with database.read() as session:
            found = service.by_token(session, bearer.credentials)
        if found is None:
            request_metrics.TOKENS_REFUSED.labels("bearer").inc()
        return found
    cookie = request.cookies.get(cookies.NAME)
    if not cookie:
        return None
    with database.read() as session:
        return service.by_cookie(session, cookie)


async def require_user(viewer: Annotated[Viewer | None, Depends(optional_user)]) -> Viewer:
    """Anybody known. Raises `Unauthenticated`."""
    if viewer is None:
        raise Unauthenticated
    return viewer


async def require_staff(viewer: Annotated[Viewer, Depends(require_user)]) -> Viewer:
    """A TA or an admin. Raises `Forbidden`."""
    if not viewer.is_staff:
        raise Forbidden("Only the course's staff may do this.")
    return viewer


async def require_admin(viewer: Annotated[Viewer, Depends(require_user)]) -> Viewer:
    """An admin. Raises `Forbidden`."""
    if not viewer.is_admin:
        raise Forbidden("Only an admin may do this.")
    return viewer


OptionalViewer = Annotated[Viewer | None, Depends(optional_user)]
AnyViewer = Annotated[Viewer, Depends(require_user)]
StaffViewer = Annotated[Viewer, Depends(require_staff)]
AdminViewer = Annotated[Viewer, Depends(require_admin)]
