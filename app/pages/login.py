"""Log in with a token or a login link, log out, and choose the language and the theme."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.auth import service
from app.auth.limits import RateLimit
from app.auth.viewer import Viewer
from app.http import cookies, request_language, request_metrics
from app.http.authentication import OptionalViewer
from app.http.client_network import client_network
from app.http.sessions import Db
from app.pages import rendering
from app.presenting import language
from app.users.service import LINK_PREFIX

router = APIRouter()
_YEAR = 365 * 86_400


@router.get("/login")
def show(request: Request, viewer: OptionalViewer, back: str = "/") -> Response:
    """The form, or a redirect if the browser is logged in."""
    if viewer is not None:
        return RedirectResponse(_landing(viewer, back), status_code=303)
    return _form(request, back)


@router.get("/login/link")
def show_link(request: Request) -> HTMLResponse:
    """The form, filled with the secret in the link's fragment.

    Its button logs in, so a program that opens links in mails changes nothing. Who is logged in already sees it too:
    the link may be another person's.
    """
    return _form(request, "/", is_link=True)


@router.post("/login")
def log_in(
    request: Request, database: Db, token: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/"
) -> Response:
    """Start a session for the holder of a token or login link. An address with too many failures must wait."""
    limit: RateLimit = request.app.state.login_limit
    source = client_network(request)
    if seconds := limit.wait(source):
        return _limited(request, back, seconds)
    days = request.app.state.settings.session_days
    with database.write() as session:
        cookie = service.log_in(session, token.strip(), days=days)
        viewer = service.by_cookie(session, cookie) if cookie is not None else None
    is_link = token.strip().startswith(LINK_PREFIX)
    if cookie is None or viewer is None:
        limit.note(source)
        request_metrics.TOKENS_REFUSED.labels("login").inc()
        tag = request_language.of_request(request)
        complaint = language.text(tag, "link_wrong") if is_link else language.text(tag, "token_wrong")
        return _form(request, back, status=401, complaint=complaint)
    response = RedirectResponse(_landing(viewer, back), status_code=303)
    cookies.set_cookie(request, response, cookie, days=days)
    return response


@router.post("/logout")
def log_out(request: Request, database: Db) -> Response:
    """End the browser's session."""
    if cookie := request.cookies.get(cookies.NAME):
        with database.write() as session:
            service.log_out(session, cookie)
    response = RedirectResponse("/login", status_code=303)
    cookies.clear_cookie(response)
    # The form to submit keeps typed text in the browser, and the next person may sit at the same computer.
    response.headers["Clear-Site-Data"] = '"storage"'
    return response


@router.post("/preferences")
def prefer(
    request: Request,
    language_tag: Annotated[str, Form(alias="language")] = "",
    theme: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Store the language and theme in a cookie each."""
    response = RedirectResponse(local(back), status_code=303)
    secure = request.url.scheme == "https"
    if language_tag in language.LANGUAGES:
        response.set_cookie(request_language.COOKIE, language_tag, _YEAR, httponly=True, samesite="lax", secure=secure)
    if theme in rendering.THEMES:
        response.set_cookie(rendering.THEME_COOKIE, theme, _YEAR, httponly=True, samesite="lax", secure=secure)
    return response


def local(path: str) -> str:
    """The path if it stays on this server, else ``/``: a link must not misuse the login to lead elsewhere."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_local else "/"


def _landing(viewer: Viewer, back: str) -> str:
    """Where a login leads: to the page that asked for it, else staff to their class and students to the start page."""
    path = local(back)
    return "/dashboard" if path == "/" and viewer.is_staff_anywhere else path


def _limited(request: Request, back: str, seconds: int) -> HTMLResponse:
    complaint = language.text(request_language.of_request(request), "login_limited", seconds=seconds)
    page = _form(request, back, status=429, complaint=complaint)
    page.headers["Retry-After"] = str(seconds)
    return page


def _form(
    request: Request, back: str, status: int = 200, complaint: str | None = None, is_link: bool = False
) -> HTMLResponse:
    return rendering.page(request, "login.html", status, back=back, complaint=complaint, is_link=is_link)
