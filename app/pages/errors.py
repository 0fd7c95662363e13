"""Problems as pages for browsers; clients of the API get problem documents."""

from __future__ import annotations

import inspect
import json
from urllib.parse import urlencode, urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http import authentication, request_language
from app.pages import rendering, sent_form
from app.pages.sent_form import Fields
from app.presenting import language
from app.problems import MEDIA_TYPE, Problem

_STATUSES_WITH_TEXT = (401, 403, 404, 405, 413, 422, 429, 500, 503)
_WORTH_ANOTHER_TRY = (401, 429, 500, 503)
_CROSS_SITE = "cross-site-request"


class ProblemPages:
    """Middleware that turns a problem document into a page for a browser."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the response on, or the page of its problem."""
        if scope["type"] != "http" or not wants_page(Request(scope)):
            await self.app(scope, receive, send)
            return
        problem: Response | None = None
        receive = sent_form.record(scope, receive)

        async def send_page(message: Message) -> None:
            nonlocal problem
            if message["type"] == "http.response.start":
                answer = Response(status_code=message["status"])
                answer.raw_headers = list(message["headers"])
                if answer.headers.get("content-type", "").startswith(MEDIA_TYPE):
                    problem = answer
                    return
            if problem is None:
                await send(message)
                return
            problem.body = bytes(problem.body) + message.get("body", b"")
            if not message.get("more_body", False):
                request = Request(scope)
                viewer = await run_in_threadpool(_viewer, request, problem.status_code)
                page = error_page(request, problem, await sent_form.fields_of(request), viewer)
                await page(scope, receive, send)

        await self.app(scope, receive, send_page)


def install(app: FastAPI) -> None:
    """Show every problem as a page. Middleware that is added later stays outside of this."""
    app.add_middleware(ProblemPages)
    # The handler of crashes runs outside of all middleware.
    crash = app.exception_handlers[Exception]

    async def show_crash(request: Request, error: Exception) -> Response:
        answer = crash(request, error)
        response: Response = await answer if inspect.isawaitable(answer) else answer
        return error_page(request, response, await sent_form.fields_of(request)) if wants_page(request) else response

    app.add_exception_handler(Exception, show_crash)


def wants_page(request: Request) -> bool:
    """Whether a browser requests a page, and not a client of the API a document."""
    is_browser = "text/html" in request.headers.get("accept", "") or _wants_fragment(request)
    return is_browser and not request.url.path.startswith("/api/")


def _wants_fragment(request: Request) -> bool:
    """Whether the page's script requests a part of its page."""
    return "hx-request" in request.headers


def _page_of_form(request: Request) -> str | None:
    """The path of the page whose form was sent, if the browser tells."""
    referer = urlsplit(request.headers.get("referer", ""))
    if request.method == "GET" or referer.netloc != request.url.netloc or referer.path.startswith("//"):
        return None
    return referer.path + (f"?{referer.query}" if referer.query else "")


def _page_of(request: Request) -> str:
    """The path of the page that was requested, or whose form was sent."""
    return _page_of_form(request) or request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _viewer(request: Request, status: int) -> Viewer | None:
    """Who reads the problem, for the menu of its page; ``None`` where the service itself failed."""
    database: Database | None = getattr(request.app.state, "database", None)
    if database is None or status >= 500:
        return None
    try:
        return authentication.cookie_viewer(request, database)
    except Problem:
        return None


def error_page(request: Request, problem: Response, sent: Fields, viewer: Viewer | None = None) -> Response:
    """The page of a problem document; without a login it is a redirect to the login page.

    It shows the texts of the form that was ``sent``, and offers to send it again where that may help.
    """
    login = None
    if problem.status_code == 401 and not _wants_fragment(request):
        login = "/login?" + urlencode({"back": _page_of(request)})
        if request.method == "GET":
            return RedirectResponse(login, status_code=303)
    key = f"error_{problem.status_code}" if problem.status_code in _STATUSES_WITH_TEXT else "error_other"
    tag = request_language.of_request(request)
    heading = language.text(tag, key)
    body = json.loads(bytes(problem.body))
    slug = body["type"].rpartition(":")[2]
    detail = language.complaint(tag, slug, body["detail"], body)
    template = "error_fragment.html" if _wants_fragment(request) else "error.html"
    status = problem.status_code
    sent = [] if slug == _CROSS_SITE else sent
    page = rendering.page(
        request,
        template,
        status,
        viewer,
        heading=heading,
        detail=detail,
        login=login,
        code=status,
        back=_page_of_form(request),
        texts=sent_form.texts(sent),
        again=sent if status in _WORTH_ANOTHER_TRY else [],
    )
    page.headers.update({name: value for name, value in problem.headers.items() if not name.startswith("content-")})
    return page
