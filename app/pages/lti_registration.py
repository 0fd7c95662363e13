"""Dynamic registration: the page that an administrator of a learning platform opens there, with a link from here."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse

from app.db import backup
from app.http.public_address import public_address
from app.http.sessions import Db
from app.lti import addresses, dynamic
from app.pages import rendering
from app.pages.lti import framed
from app.problems import Problem

router = APIRouter(prefix="/lti/register")
_Secret = Annotated[str, Query(max_length=100)]
_Url = Annotated[str, Query(max_length=2000)]
_Token = Annotated[str, Query(max_length=8000)]
log = structlog.get_logger()


@router.get("")
def ask(
    request: Request, database: Db, link: _Secret = "", openid_configuration: _Url = "", registration_token: _Token = ""
) -> HTMLResponse:
    """What will be registered, with a button. The platform opens this page, maybe in a frame."""
    try:
        with database.read() as session:
            name = dynamic.find_link(session, link).name
    except Problem as problem:
        return rendering.page(request, "lti_register.html", problem=problem)
    fields = {"link": link, "openid_configuration": openid_configuration, "registration_token": registration_token}
    page = rendering.page(request, "lti_register.html", name=name, fields=fields, host=_host(openid_configuration))
    return framed(page, _hosts(openid_configuration))


@router.post("")
def register(
    request: Request,
    database: Db,
    link: Annotated[str, Form(max_length=100)] = "",
    openid_configuration: Annotated[str, Form(max_length=2000)] = "",
    registration_token: Annotated[str, Form(max_length=8000)] = "",
) -> HTMLResponse:
    """Exchange addresses and ids with the platform. A link whose registration failed may be used again."""
    settings = request.app.state.settings
    local = settings.lti_allow_local
    try:
        with database.read() as session:
            dynamic.find_link(session, link)
        found = dynamic.configuration(openid_configuration, allow_local=local)
        ids = dynamic.register_at(found, registration_token, public_address(request))
        with database.write() as session:
            name = dynamic.finish(session, link, found, ids, allow_local=local).name
    except Problem as problem:
        log.warning("registration failed", error=str(problem), configuration=openid_configuration[:300])
        return framed(rendering.page(request, "lti_register.html", problem=problem), _hosts(openid_configuration))
    backup.make_private(settings)
    (origin,) = addresses.origins([addresses.host(openid_configuration)])
    page = rendering.page(request, "lti_registered.html", name=name, deployment=ids[1], origin=origin)
    return framed(page, _hosts(openid_configuration))


def _host(url: str) -> str | None:
    try:
        return addresses.host(url)
    except addresses.UnusableAddress:
        return None


def _hosts(url: str) -> list[str]:
    host = _host(url)
    return [] if host is None else [host]
