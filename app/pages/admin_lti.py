"""The registered learning platforms and keys, read only: `assay lti` changes them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.db.base import now
from app.http.authentication import AdminViewer
from app.http.public_address import public_address
from app.http.sessions import ReadSession
from app.lti import repository
from app.lti.login import LAUNCH
from app.pages import rendering

router = APIRouter(prefix="/admin/lti")


@router.get("")
def overview(request: Request, viewer: AdminViewer, session: ReadSession) -> HTMLResponse:
    """The platforms with their permissions and state, the keys, and the addresses for a platform's settings."""
    base = public_address(request)
    return rendering.page(
        request,
        "admin_lti.html",
        viewer=viewer,
        platforms=repository.platforms(session),
        keys=repository.published_keys(session, now()),
        moment=now(),
        addresses=[
            ("login", f"{base}/lti/login"),
            ("launch", base + LAUNCH),
            ("jwks", f"{base}/lti/jwks"),
        ],
    )
