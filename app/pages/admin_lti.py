"""The learning platforms: add, change, test and remove them, and rotate the keys of this service."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, Field

from app.courses import repository as courses
from app.db import backup
from app.db.base import now
from app.http.authentication import AdminViewer
from app.http.public_address import public_address
from app.http.sessions import Db, ReadSession
from app.lti import addresses, checking, dynamic, keys, registration, repository
from app.lti.login import LAUNCH
from app.lti.models import Platform
from app.lti.registration import Registration
from app.pages import rendering
from app.problems import Problem

router = APIRouter(prefix="/admin/lti")
_MOODLE_PATHS = {"auth_url": "/mod/lti/auth.php", "token_url": "/mod/lti/token.php", "jwks_url": "/mod/lti/certs.php"}


class PlatformForm(BaseModel):
    """The fields of a platform as typed."""

    name: str = Field("", max_length=40)
    issuer: str = Field("", max_length=300)
    client_id: str = Field("", max_length=300)
    deployments: str = Field("", max_length=5000)
    auth_url: str = Field("", max_length=2000)
    token_url: str = Field("", max_length=2000)
    jwks_url: str = Field("", max_length=2000)
    token_audience: str = Field("", max_length=2000)
    hosts: str = Field("", max_length=5000)
    staff: bool = False
    match: str = Field("", max_length=120)
    revision: str = Field("", max_length=64)

    @classmethod
    def of(cls, platform: Platform) -> PlatformForm:
        """The form of a registered platform."""
        stored = Registration.of(platform)
        known = {addresses.host(url) for url in (stored.issuer, *_urls(stored))}
        return cls(
            **{name: getattr(stored, name) for name in ("name", "issuer", "client_id", "staff", *_MOODLE_PATHS)},
            deployments="\n".join(stored.deployments),
            token_audience="" if stored.token_audience == stored.token_url else stored.token_audience or "",
            hosts="\n".join(host for host in stored.hosts if host not in known),
            match=stored.match or "",
            revision=stored.revision,
        )

    def registration(self, name: str) -> Registration:
        """The values to register. Moodle's addresses follow from its issuer, so they may all be left out."""
        urls = {field: str(getattr(self, field)).strip() for field in _MOODLE_PATHS}
        if not any(urls.values()):
            urls = {field: self.issuer.strip().rstrip("/") + path for field, path in _MOODLE_PATHS.items()}
        return Registration(
            name=name.strip(),
            issuer=self.issuer.strip(),
            client_id=self.client_id.strip(),
            deployments=_entries(self.deployments),
            **urls,
            token_audience=self.token_audience.strip() or None,
            hosts=_entries(self.hosts),
            staff=self.staff,
            match=self.match.strip() or None,
        )


@router.get("")
def overview(request: Request, viewer: AdminViewer, session: ReadSession) -> HTMLResponse:
    """The platforms with their permissions and state, the keys, and the addresses for a platform's settings."""
    return rendering.page(
        request,
        "admin_lti.html",
        viewer=viewer,
        platforms=repository.platforms(session),
        several_courses=bool(courses.several(session)),
        unlinked=repository.count_unlinked(session),
        keys=repository.published_keys(session, now()),
        moment=now(),
        addresses=_addresses(request),
    )


@router.get("/new")
def new(request: Request, viewer: AdminViewer) -> HTMLResponse:
    """The form for a new platform."""
    return _form_page(request, viewer, PlatformForm(), None)


@router.post("/new")
def add(request: Request, viewer: AdminViewer, database: Db, form: Annotated[PlatformForm, Form()]) -> Response:
    """Register a platform."""
    settings = request.app.state.settings
    try:
        with database.write() as session:
            platform = registration.add(
                session, form.registration(form.name), allow_local=settings.lti_allow_local, actor=viewer.login
            )
    except Problem as problem:
        return _form_page(request, viewer, form, None, problem)
    backup.make_private(settings)
    return RedirectResponse(f"/admin/lti/platforms/{platform.name}", status_code=303)


@router.post("/links")
def create_link(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    name: Annotated[str, Form(max_length=40)] = "",
    staff: Annotated[bool, Form()] = False,
    match: Annotated[str, Form(max_length=120)] = "",
) -> HTMLResponse:
    """Create a link with which a platform registers itself, and show it this once."""
    try:
        with database.write() as session:
            secret = dynamic.create_link(
                session, name=name.strip(), staff=staff, match=match.strip() or None, actor=viewer.login
            )
    except Problem as problem:
        typed = PlatformForm(name=name, staff=staff, match=match)
        return _form_page(request, viewer, typed, None, problem, link_form=True)
    link = f"{public_address(request)}/lti/register?link={secret}"
    return rendering.page(request, "admin_lti_link.html", viewer=viewer, link=link, name=name.strip())


@router.get("/platforms/{name}")
def platform(request: Request, viewer: AdminViewer, session: ReadSession, name: str) -> HTMLResponse:
    """One platform: its values, a test, and its removal."""
    return _platform_page(request, viewer, registration.find(session, name))


@router.post("/platforms/{name}")
def change(
    request: Request, viewer: AdminViewer, database: Db, name: str, form: Annotated[PlatformForm, Form()]
) -> Response:
    """Change a platform, unless somebody else has changed it since the form was made."""
    try:
        with database.write() as session:
            registration.change(
                session,
                form.registration(name),
                form.revision,
                allow_local=request.app.state.settings.lti_allow_local,
                actor=viewer.login,
            )
    except registration.PlatformNotFound:
        raise
    except Problem as problem:
        with database.read() as session:
            current = registration.find(session, name)
        shown = form.model_copy(update={"name": name, "revision": Registration.of(current).revision})
        return _form_page(request, viewer, shown, current, problem)
    return RedirectResponse(f"/admin/lti/platforms/{name}", status_code=303)


@router.post("/platforms/{name}/test")
def test(request: Request, viewer: AdminViewer, database: Db, name: str) -> HTMLResponse:
    """Ask the platform for its keys and for a token, and compare the clocks."""
    with database.read() as session:
        platform = registration.find(session, name)
    return _platform_page(request, viewer, platform, findings=checking.check(database, platform))


@router.post("/platforms/{name}/remove")
def remove(viewer: AdminViewer, database: Db, name: str) -> Response:
    """Remove a platform: its launches are refused, and no score goes to it."""
    with database.write() as session:
        registration.remove(session, name, actor=viewer.login)
    return RedirectResponse("/admin/lti", status_code=303)


@router.post("/keys/rotate")
def rotate(request: Request, viewer: AdminViewer, database: Db, at_once: Annotated[bool, Form()] = False) -> Response:
    """Create a key. With ``at_once`` the former ones are withdrawn now."""
    with database.write() as session:
        keys.rotate(session, at_once=at_once, actor=viewer.login)
    backup.make_private(request.app.state.settings)
    return RedirectResponse("/admin/lti#keys", status_code=303)


def _urls(stored: Registration) -> list[str]:
    return [getattr(stored, name) for name in _MOODLE_PATHS]


def _entries(text: str) -> list[str]:
    return [entry for entry in re.split(r"[\s,]+", text) if entry]


def _addresses(request: Request) -> list[tuple[str, str]]:
    base = public_address(request)
    return [("login", f"{base}/lti/login"), ("launch", base + LAUNCH), ("jwks", f"{base}/lti/jwks")]


def _platform_page(request: Request, viewer: Any, platform: Platform, **context: Any) -> HTMLResponse:
    return _form_page(request, viewer, PlatformForm.of(platform), platform, **context)


def _form_page(
    request: Request,
    viewer: Any,
    form: PlatformForm,
    platform: Platform | None,
    problem: Problem | None = None,
    **context: Any,
) -> HTMLResponse:
    """The form as typed, with the ``problem`` to correct; for a registered ``platform`` with its stored values."""
    return rendering.page(
        request,
        "admin_lti_platform.html",
        200 if problem is None else problem.status,
        viewer=viewer,
        form=form,
        platform=platform,
        stored=PlatformForm.of(platform) if platform is not None and problem is not None else None,
        problem=problem,
        addresses=_addresses(request),
        moment=now(),
        **{"findings": None, "link_form": False, **context},
    )
