"""Registering platforms. Works in the caller's transaction and writes the audit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.lti import addresses, keys, repository
from app.lti.models import Match, Platform
from app.problems import Conflict, NotFound, Unprocessable

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
CLAIMS = ("lis", "ext", "custom")
"""The claims of a launch, by the end of their name, in which a login or a student number may stand."""
_CLAIM = re.compile(rf"(?:{'|'.join(CLAIMS)})\.[A-Za-z0-9_]{{1,60}}")


class PlatformUnusable(Unprocessable):
    """The platform cannot be registered with these values."""

    slug = "lti-platform-unusable"


class PlatformNotFound(NotFound):
    """No platform has this name."""

    slug = "lti-platform-not-found"


class PlatformNameTaken(Conflict):
    """Another platform has this name."""

    slug = "lti-platform-name-taken"


@dataclass(frozen=True)
class Registration:
    """What a platform tells of itself, and what it may do here.

    With ``staff`` its instructors and assistants become teaching assistants here. ``match`` is a rule such as
    ``student-id=lis.person_sourcedid``: who is there already is found by it.
    """

    name: str
    issuer: str
    client_id: str
    deployments: Sequence[str]
    auth_url: str
    token_url: str
    jwks_url: str
    token_audience: str | None = None
    hosts: Sequence[str] = ()
    staff: bool = False
    match: str | None = None


def register(session: Session, wish: Registration, *, allow_local: bool, actor: str) -> Platform:
    """Register a platform, or bring the one with this name up to date. The first one brings the first key.

    Raises `PlatformUnusable` or `PlatformNameTaken`.
    """
    values = _checked(wish, allow_local)
    platform = repository.platform_named(session, wish.name)
    same = repository.platforms_of(session, wish.issuer, wish.client_id)
    if same and same[0] is not platform:
        raise PlatformNameTaken(f"{wish.issuer} with client id {wish.client_id} is registered as {same[0].name}.")
    if platform is None:
        platform = Platform(name=wish.name, **values)
        session.add(platform)
    else:
        for name, value in values.items():
            setattr(platform, name, value)
    session.flush()
    keys.ensure(session)
    audit.record(session, actor, "lti.platform.set", platform.name, **{**values, "match_field": wish.match})
    return platform


def remove(session: Session, name: str, *, actor: str) -> None:
    """Forget a platform: its launches are refused, and nothing is passed back to it. Raises `PlatformNotFound`."""
    platform = find(session, name)
    repository.delete_platform(session, platform)
    audit.record(session, actor, "lti.platform.remove", name)


def find(session: Session, name: str) -> Platform:
    """The platform with this name. Raises `PlatformNotFound`."""
    platform = repository.platform_named(session, name)
    if platform is None:
        raise PlatformNotFound(f"No platform has the name {name}.")
    return platform


def _checked(wish: Registration, allow_local: bool) -> dict[str, Any]:
    if not _NAME.fullmatch(wish.name):
        raise PlatformUnusable("A name has at most 39 lower-case letters, digits and hyphens.")
    deployments = list(dict.fromkeys(filter(None, wish.deployments)))
    if not deployments or not wish.client_id:
        raise PlatformUnusable("A platform needs a client id and at least one deployment id.")
    longest = max(map(len, [wish.client_id, wish.issuer, *deployments]))
    if longest > 255:
        raise PlatformUnusable("Issuer, client id and deployment ids have at most 255 characters.")
    try:
        urls = [
            addresses.check(url, allow_local=allow_local)
            for url in (wish.issuer, wish.auth_url, wish.token_url, wish.jwks_url)
        ]
        hosts = {addresses.host(url) for url in urls} | {addresses.bare(name) for name in wish.hosts}
    except addresses.UnusableAddress as error:
        raise PlatformUnusable(f"{error}.") from error
    field, claim = _rule(wish.match)
    return {
        "issuer": wish.issuer,
        "client_id": wish.client_id,
        "deployments": deployments,
        "auth_url": wish.auth_url,
        "token_url": wish.token_url,
        "token_audience": wish.token_audience or wish.token_url,
        "jwks_url": wish.jwks_url,
        "hosts": sorted(hosts),
        "staff": wish.staff,
        "match_field": field,
        "match_claim": claim,
    }


def _rule(rule: str | None) -> tuple[Match | None, str | None]:
    if rule is None:
        return None, None
    field, _, claim = rule.partition("=")
    if field not in set(Match) or not _CLAIM.fullmatch(claim):
        raise PlatformUnusable(
            f"{rule!r} is not a rule: write FIELD=CLAIM with the field login or student-id and a claim such as "
            "lis.person_sourcedid, ext.user_username or custom.student_number."
        )
    return Match(field), claim
