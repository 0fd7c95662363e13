"""Dynamic registration: the platform and this service exchange their addresses and ids by themselves.

LTI Dynamic Registration 1.0. An admin here creates a link, an administrator of the platform opens it there. The link is
what allows it: it works once, for a day.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.db.base import now
from app.lti import addresses, outgoing, registration, repository
from app.lti.login import LAUNCH
from app.lti.messages import DEEP_LINK, RESOURCE_LINK, SCORE_SCOPE
from app.lti.models import Platform, RegistrationLink
from app.lti.outgoing import PlatformAway, PlatformRefused
from app.lti.registration import PlatformUnusable, Registration
from app.problems import NotFound
from app.users.service import digest

LIFETIME = timedelta(days=1)
_TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
_ENDPOINTS = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint")


class LinkNotValid(NotFound):
    """The registration link is unknown, used or older than a day. An admin creates a new one under Admin, LTI."""

    slug = "lti-registration-link"


class RegistrationFailed(PlatformUnusable):
    """The platform did not complete the registration."""

    slug = "lti-registration-failed"


@dataclass(frozen=True)
class PlatformConfiguration:
    """What a platform publishes about itself (OpenID Connect Discovery), checked."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    registration_endpoint: str


def create_link(session: Session, *, name: str, staff: bool, match: str | None, actor: str) -> str:
    """Create a link for a platform that will have this name and these rights: its secret.

    Raises `PlatformUnusable` or `PlatformNameTaken`.
    """
    registration.check_name(session, name)
    registration.check_rule(match)
    secret = secrets.token_urlsafe(32)
    moment = now()
    link = RegistrationLink(
        secret=digest(secret), name=name, staff=staff, match=match, made_by=actor, expires_at=moment + LIFETIME
    )
    repository.add_registration_link(session, link, moment)
    audit.record(session, actor, "lti.registration_link", name, staff=staff, match=match)
    return secret


def find_link(session: Session, secret: str) -> RegistrationLink:
    """The link with this secret. Raises `LinkNotValid`."""
    link = repository.registration_link(session, digest(secret))
    if link is None or link.expires_at <= now():
        raise LinkNotValid
    return link


def configuration(url: str, *, allow_local: bool) -> PlatformConfiguration:
    """Fetch and check a platform's configuration. Raises `RegistrationFailed`. Not for a thread with a loop."""
    try:
        host = addresses.host(addresses.check(url, allow_local=allow_local))
        document = outgoing.json_object("GET", url)
        values = {name: document.get(name) for name in _ENDPOINTS}
        missing = [name for name, value in values.items() if not isinstance(value, str)]
        if missing:
            raise RegistrationFailed(f"{url} does not say {', '.join(missing)}.")
        checked = {name: addresses.check(str(value), allow_local=allow_local) for name, value in values.items()}
    except (addresses.UnusableAddress, PlatformAway, PlatformRefused) as error:
        raise RegistrationFailed(f"{error}.") from error
    # Otherwise a page of anybody could register itself in the name of a platform.
    for name in ("issuer", "registration_endpoint"):
        if addresses.host(checked[name]) != host:
            raise RegistrationFailed(f"{name} {checked[name]} is not at the host of {url}.")
    return PlatformConfiguration(**checked)


def register_at(found: PlatformConfiguration, token: str, base: str) -> tuple[str, str]:
    """Register this service at the platform: the client id and the deployment id that it gives.

    Raises `RegistrationFailed`. Not for a thread with a loop.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        answer = outgoing.json_object("POST", found.registration_endpoint, json=tool_document(base), headers=headers)
    except (PlatformAway, PlatformRefused) as error:
        raise RegistrationFailed(f"{error}.") from error
    client_id, tool = answer.get("client_id"), answer.get(_TOOL)
    deployment = tool.get("deployment_id") if isinstance(tool, dict) else None
    if not isinstance(client_id, str) or not isinstance(deployment, str):
        raise RegistrationFailed(
            f"The platform gave the client id {client_id!r} and the deployment id {deployment!r}: add it by hand."
        )
    return client_id, deployment


def finish(
    session: Session, secret: str, found: PlatformConfiguration, ids: tuple[str, str], *, allow_local: bool
) -> Platform:
    """Use up the link and register the platform here. Raises `LinkNotValid` or what `registration.add` raises."""
    link = find_link(session, secret)
    if not repository.take_registration_link(session, link.secret):
        raise LinkNotValid
    request = Registration(
        name=link.name,
        issuer=found.issuer,
        client_id=ids[0],
        deployments=[ids[1]],
        auth_url=found.authorization_endpoint,
        token_url=found.token_endpoint,
        jwks_url=found.jwks_uri,
        staff=link.staff,
        match=link.match,
    )
    return registration.add(session, request, allow_local=allow_local, actor=link.made_by)


def tool_document(base: str) -> dict[str, Any]:
    """What the platform stores about this service (OpenID Connect Registration, with the claims of LTI)."""
    launch = base + LAUNCH
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": f"{base}/lti/login",
        "redirect_uris": [launch],
        "client_name": "Assay",
        "jwks_uri": f"{base}/lti/jwks",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": SCORE_SCOPE,
        _TOOL: {
            "domain": urlsplit(base).netloc,
            "target_link_uri": launch,
            "claims": ["iss", "sub", "name", "given_name", "family_name"],
            "messages": [
                {"type": RESOURCE_LINK, "target_link_uri": launch},
                {"type": DEEP_LINK, "target_link_uri": launch},
            ],
        },
    }
