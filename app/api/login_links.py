"""``/admin/login-links``: links that log people in without a token."""

from __future__ import annotations

from fastapi import APIRouter, Request

from app import problems
from app.http.authentication import AdminViewer
from app.http.public_address import public_address
from app.http.sessions import WriteSession
from app.users import service
from app.users.schemas import LoginLinkView, NewLoginLinks, RevokedLinks

router = APIRouter(prefix="/admin/login-links", tags=["admin"], responses=problems.documented(401, 403, 422))


@router.post("", status_code=201, responses=problems.documented(404))
def create_login_links(
    new: NewLoginLinks, viewer: AdminViewer, session: WriteSession, request: Request
) -> list[LoginLinkView]:
    """Create a login link for each of these people, or for everybody with the role. The links are shown once.

    A link opens a page whose button logs in, until it expires or is revoked (`DELETE /admin/tokens/{id}`).
    """
    links = service.create_login_links(
        session, actor=viewer.login, logins=new.logins, role=new.role, days=new.days, course=new.course
    )
    base_url = public_address(request)
    return [
        LoginLinkView(
            id=link.id, login=link.login, name=link.name, link=link.address(base_url), expires_at=link.expires_at
        )
        for link in links
    ]


@router.delete("")
def revoke_login_links(viewer: AdminViewer, session: WriteSession) -> RevokedLinks:
    """Revoke every login link, and end every browser session that began with one."""
    return RevokedLinks(revoked=service.revoke_login_links(session, actor=viewer.login))
