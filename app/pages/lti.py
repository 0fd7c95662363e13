"""LTI in the browser: a launch from its start at the platform to the login here, and the choice of an assignment.

Only these pages may appear in a frame, and only in one of a registered platform. The service itself opens in its own
window, because frames of other sites do not get its session cookie.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection
from typing import Annotated, Any, TypeVar

import structlog
from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy.exc import IntegrityError

from app.assignments import service as assignments
from app.auth.limits import RateLimit
from app.courses.names import course_of
from app.db.engine import Database
from app.http import cookies, request_language
from app.http.client_network import client_network
from app.http.public_address import public_address
from app.http.sessions import Db
from app.lti import addresses, contexts, deep_linking, keys, launching, login, messages, repository
from app.lti.launching import Entry
from app.lti.login import Initiation
from app.lti.messages import Message
from app.lti.models import Platform, TicketKind
from app.lti.platform_keys import PlatformKeys
from app.lti.refusals import LaunchRefused, Reason
from app.pages import rendering
from app.presenting import filters
from app.settings import Settings
from app.users.service import digest

router = APIRouter(prefix="/lti")
_BROWSER = "assay_lti"
_BROWSER_SECONDS = 3600
"""The time to choose an assignment."""
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_LOGINS, _LOGIN_SECONDS = 600, 60.0
"""Launches from one address in this time: a whole class may share an address."""
_LONGEST_TOKEN = 64 * 1024
_Hint = Annotated[str, Form(max_length=8000)]
_T = TypeVar("_T")
log = structlog.get_logger()


def install(state: Any) -> None:
    """Add the state of the routes to the application's state."""
    state.lti_keys = PlatformKeys()
    state.lti_logins = RateLimit(_LOGINS, _LOGIN_SECONDS)


@router.get("/jwks")
def jwks(database: Db) -> JSONResponse:
    """The public keys with which a platform verifies signatures of this service."""
    with database.read() as session:
        return JSONResponse(keys.jwks(session), headers={"Cache-Control": "public, max-age=300"})


@router.get("/login")
def begin_by_link(request: Request, database: Db) -> Response:
    """Start a launch: redirect to the platform with a state and a nonce."""
    return _begin(request, database, dict(request.query_params))


@router.post("/login")
def begin_by_form(
    request: Request,
    database: Db,
    iss: _Hint = "",
    login_hint: _Hint = "",
    target_link_uri: _Hint = "",
    client_id: Annotated[str | None, Form(max_length=255)] = None,
    lti_message_hint: Annotated[str | None, Form(max_length=8000)] = None,
    lti_deployment_id: Annotated[str | None, Form(max_length=255)] = None,
) -> Response:
    """Start a launch from a form, which most platforms send."""
    sent = {"iss": iss, "login_hint": login_hint, "target_link_uri": target_link_uri, "client_id": client_id}
    sent |= {"lti_message_hint": lti_message_hint, "lti_deployment_id": lti_deployment_id}
    return _begin(request, database, {name: value for name, value in sent.items() if value is not None})


@router.post("/launch")
def launch(
    request: Request,
    database: Db,
    id_token: Annotated[str, Form(max_length=_LONGEST_TOKEN)] = "",
    state: Annotated[str, Form(max_length=200)] = "",
    error: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Finish a launch. A page explains each fault in the platform's message."""
    settings: Settings = request.app.state.settings
    browser = request.cookies.get(_BROWSER)
    try:
        with database.write() as session:
            stored = login.take(session, state)
        pending = login.check(stored, browser)
        if error:
            raise LaunchRefused(Reason.PLATFORM_ERROR, error)
        with database.read() as session:
            platform = repository.load_platform(session, pending.platform_id)
        message = messages.verify(id_token, pending, platform, request.app.state.lti_keys, public_address(request))
        course = _retry_once(lambda: _course(database, platform, message))
        if message.kind == messages.DEEP_LINK:
            return _pick(request, database, platform, message, course, pending.browser, settings)
        return _enter(request, database, platform, message, course, settings)
    except LaunchRefused as refusal:
        return _refused(request, database, refusal)


@router.post("/open")
def open_window(request: Request, database: Db, ticket: Annotated[str, Form(max_length=200)] = "") -> Response:
    """Leave the frame: log in and open the service in its own window."""
    try:
        with database.write() as session:
            content = launching.redeem(session, ticket, TicketKind.OPEN).content
        return _logged_in(request, database, Entry(**content))
    except LaunchRefused as refusal:
        return _refused(request, database, refusal)


@router.post("/pick")
def pick(
    request: Request,
    database: Db,
    ticket: Annotated[str, Form(max_length=200)] = "",
    assignment: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """The signed choice, in a form that sends it to the platform."""
    tag, browser = request_language.of_request(request), request.cookies.get(_BROWSER)
    try:
        with database.write() as session:
            redeemed = launching.redeem(session, ticket, TicketKind.PICK)
        if browser is None or redeemed.content["browser"] != digest(browser):
            raise LaunchRefused(Reason.BROWSER)
        with database.read() as session:
            platform = repository.load_platform(session, redeemed.platform_id)
            answer = deep_linking.answer(session, platform, redeemed, assignment, tag, public_address(request))
    except LaunchRefused as refusal:
        return _refused(request, database, refusal)
    page = rendering.page(request, "lti_return.html", answer=answer)
    return framed(page, platform.hosts, sends_to=platform.hosts)


def _begin(request: Request, database: Database, sent: dict[str, str]) -> Response:
    limit: RateLimit = request.app.state.lti_logins
    source = client_network(request)
    secret = request.cookies.get(_BROWSER, "")
    browser = secret if _SECRET.fullmatch(secret) else secrets.token_urlsafe(32)
    try:
        if limit.wait(source):
            raise LaunchRefused(Reason.TOO_MANY)
        limit.note(source)
        if not all(sent.get(name) for name in ("iss", "login_hint", "target_link_uri")):
            raise LaunchRefused(Reason.MESSAGE, "iss, login_hint and target_link_uri are needed")
        initiation = Initiation(**{name: sent[name] for name in Initiation.__dataclass_fields__ if sent.get(name)})
        with database.write() as session:
            target = login.begin(session, initiation, browser, public_address(request))
    except LaunchRefused as refusal:
        return _refused(request, database, refusal)
    response = RedirectResponse(target, status_code=302, headers={"Cache-Control": "no-store"})
    # The platform returns the browser by a form of its site, maybe in a frame, which requires these attributes. The
    # cookie is a random value, separate for each platform (`Partitioned`).
    attributes = f"Path=/lti; Max-Age={_BROWSER_SECONDS}; HttpOnly; Secure; SameSite=None; Partitioned"
    response.headers.append("set-cookie", f"{_BROWSER}={browser}; {attributes}")
    return response


def _course(database: Database, platform: Platform, message: Message) -> str:
    with database.write() as session:
        current = repository.load_platform(session, platform.id)
        course = contexts.course_of_launch(session, current, message)
    # After the transaction, in which the context is stored for the admins' page.
    if course is None:
        raise LaunchRefused(Reason.CONTEXT, message.context or message.context_id)
    return course


def _enter(
    request: Request, database: Database, platform: Platform, message: Message, course: str, settings: Settings
) -> Response:
    entry = _retry_once(lambda: _entry(database, platform, message, course, settings))
    if request.headers.get("sec-fetch-dest") == "document":
        return _logged_in(request, database, entry)
    with database.write() as session:
        ticket = launching.create_ticket(session, TicketKind.OPEN, platform, vars(entry))
    return framed(rendering.page(request, "lti_open.html", ticket=ticket), platform.hosts)


def _entry(database: Database, platform: Platform, message: Message, course: str, settings: Settings) -> Entry:
    with database.write() as session:
        current = repository.load_platform(session, platform.id)
        return launching.enter(session, current, message, course, allow_local=settings.lti_allow_local)


def _retry_once(work: Callable[[], _T]) -> _T:
    """Repeat the work once: the second of two concurrent first launches finds the first one's rows."""
    try:
        return work()
    except IntegrityError:
        return work()


def _pick(
    request: Request,
    database: Database,
    platform: Platform,
    message: Message,
    course: str,
    browser: str,
    settings: Settings,
) -> Response:
    content = deep_linking.ticket_content(platform, message, course, browser, allow_local=settings.lti_allow_local)
    tag = request_language.of_request(request)
    with database.write() as session:
        ticket = launching.create_ticket(session, TicketKind.PICK, platform, content)
        every = assignments.all_current(session)
        rows = [assignments.definition(row) for row in every if course_of(row.slug) == course]
    offered = [(row.slug, filters.localised(row.title, tag), row.max_score) for row in rows]
    return framed(rendering.page(request, "lti_pick.html", ticket=ticket, offered=offered), platform.hosts)


def _logged_in(request: Request, database: Database, entry: Entry) -> Response:
    days = request.app.state.settings.session_days
    with database.write() as session:
        cookie = launching.log_in(session, entry, request.cookies.get(cookies.NAME), days=days)
    response = RedirectResponse(entry.path, status_code=303, headers={"Cache-Control": "no-store"})
    cookies.set_cookie(request, response, cookie, days=days)
    return response


def _refused(request: Request, database: Database, refusal: LaunchRefused) -> HTMLResponse:
    log.warning("launch refused", reason=refusal.reason.value, context=refusal.context[:300])
    with database.read() as session:
        hosts = {host for platform in repository.platforms(session) for host in platform.hosts}
    status = 429 if refusal.reason is Reason.TOO_MANY else refusal.status
    name = refusal.context if refusal.reason is Reason.CONTEXT else ""
    page = rendering.page(request, "lti_refused.html", status, reason=refusal.reason.value, name=name)
    return framed(page, hosts)


def framed(page: HTMLResponse, hosts: Collection[str], sends_to: Collection[str] = ()) -> HTMLResponse:
    """The page with permission to appear in frames of ``hosts`` and to send forms to ``sends_to``."""
    policy = page.headers["content-security-policy"]
    ancestors, targets = " ".join(addresses.origins(hosts)), " ".join(addresses.origins(sends_to))
    if ancestors:
        policy = policy.replace("frame-ancestors 'none'", f"frame-ancestors {ancestors}")
    if targets:
        policy = policy.replace("form-action 'self'", f"form-action 'self' {targets}")
    page.headers["content-security-policy"] = policy
    return page
