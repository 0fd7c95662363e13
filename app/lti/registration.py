"""Registering platforms. Works in the caller's transaction and writes the audit log."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.lti import addresses, delivery_repository, keys, repository
from app.lti.models import Match, Platform
from app.problems import Conflict, NotFound, PreconditionFailed, Unprocessable

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,38}")
CLAIMS = ("lis", "ext", "custom")
"""Claims of a launch, by the end of their names, that may hold a login or a student id."""
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


class PlatformChanged(PreconditionFailed):
    """Somebody else changed this platform meanwhile. Look at its values, then save yours again."""

    slug = "lti-platform-changed"


@dataclass(frozen=True)
class Registration:
    """A platform's identity and addresses, and its rights here.

    With ``staff`` its instructors and assistants become teaching assistants here. ``match`` is a rule such as
    ``student-id=lis.person_sourcedid`` that links launches with people who have an account already.
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

    @classmethod
    def of(cls, platform: Platform) -> Registration:
        """The values with which a platform is registered now."""
        rule = f"{platform.match_field.value}={platform.match_claim}" if platform.match_field is not None else None
        names = ("name", "issuer", "client_id", "deployments", "auth_url", "token_url", "jwks_url", "token_audience")
        values = {name: getattr(platform, name) for name in (*names, "hosts", "staff")}
        return cls(**values, match=rule)

    @property
    def revision(self) -> str:
        """Differs when any value differs."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def add(session: Session, registration: Registration, *, allow_local: bool, actor: str) -> Platform:
    """Register a new platform. Raises `PlatformUnusable` or `PlatformNameTaken`."""
    check_name(session, registration.name)
    return register(session, registration, allow_local=allow_local, actor=actor)


def change(session: Session, registration: Registration, revision: str, *, allow_local: bool, actor: str) -> Platform:
    """Change the platform with this name, if it still has this revision.

    Raises `PlatformNotFound`, `PlatformChanged`, `PlatformUnusable` or `PlatformNameTaken`.
    """
    platform = find(session, registration.name)
    delivery_repository.lock(session, platform)
    if Registration.of(platform).revision != revision:
        raise PlatformChanged
    return register(session, registration, allow_local=allow_local, actor=actor)


def register(session: Session, registration: Registration, *, allow_local: bool, actor: str) -> Platform:
    """Register a platform, or update the one with this name. The first platform creates the first key.

    Raises `PlatformUnusable` or `PlatformNameTaken`.
    """
    values = _columns(registration, allow_local)
    platform = repository.platform_named(session, registration.name)
    registered = repository.platforms_of(session, registration.issuer, registration.client_id)
    if registered and registered[0] is not platform:
        raise PlatformNameTaken(
            f"{registration.issuer} with client id {registration.client_id} is registered as {registered[0].name}."
        )
    if platform is None:
        platform = Platform(name=registration.name, **values)
        session.add(platform)
    else:
        for name, value in values.items():
            setattr(platform, name, value)
    session.flush()
    keys.ensure(session)
    audit.record(session, actor, "lti.platform.set", platform.name, **{**values, "match_field": registration.match})
    return platform


def check_name(session: Session, name: str) -> None:
    """Raise `PlatformUnusable` or `PlatformNameTaken` unless a new platform may have this name."""
    if not _NAME.fullmatch(name):
        raise PlatformUnusable("A name has at most 39 lower-case letters, digits and hyphens.")
    if repository.platform_named(session, name) is not None:
        raise PlatformNameTaken(f"A platform has the name {name} already. Choose another name.")


def check_rule(rule: str | None) -> None:
    """Raise `PlatformUnusable` unless this is a rule that finds people, or ``None``."""
    _match_rule(rule)


def remove(session: Session, name: str, *, actor: str) -> None:
    """Delete a platform: its launches are refused, and no score goes to it. Raises `PlatformNotFound`."""
    platform = find(session, name)
    repository.delete_platform(session, platform)
    audit.record(session, actor, "lti.platform.remove", name)


def find(session: Session, name: str) -> Platform:
    """The platform with this name. Raises `PlatformNotFound`."""
    platform = repository.platform_named(session, name)
    if platform is None:
        raise PlatformNotFound(f"No platform has the name {name}.")
    return platform


def _columns(registration: Registration, allow_local: bool) -> dict[str, Any]:
    if not _NAME.fullmatch(registration.name):
        raise PlatformUnusable("A name has at most 39 lower-case letters, digits and hyphens.")
    deployments = list(dict.fromkeys(filter(None, registration.deployments)))
    if not deployments or not registration.client_id:
        raise PlatformUnusable("A platform needs a client id and at least one deployment id.")
    longest = max(map(len, [registration.client_id, registration.issuer, *deployments]))
    if longest > 255:
        raise PlatformUnusable("Issuer, client id and deployment ids have at most 255 characters.")
    try:
        urls = [
            addresses.check(url, allow_local=allow_local)
            for url in (registration.issuer, registration.auth_url, registration.token_url, registration.jwks_url)
        ]
        hosts = {addresses.host(url) for url in urls} | {addresses.check_host(name) for name in registration.hosts}
    except addresses.UnusableAddress as error:
        raise PlatformUnusable(f"{error}.") from error
    field, claim = _match_rule(registration.match)
    return {
        "issuer": registration.issuer,
        "client_id": registration.client_id,
        "deployments": deployments,
        "auth_url": registration.auth_url,
        "token_url": registration.token_url,
        "token_audience": registration.token_audience or registration.token_url,
        "jwks_url": registration.jwks_url,
        "hosts": sorted(hosts),
        "staff": registration.staff,
        "match_field": field,
        "match_claim": claim,
    }


def _match_rule(rule: str | None) -> tuple[Match | None, str | None]:
    if rule is None:
        return None, None
    field, _, claim = rule.partition("=")
    if field not in set(Match) or not _CLAIM.fullmatch(claim):
        raise PlatformUnusable(
            f"{rule!r} is not a rule: write FIELD=CLAIM with the field login or student-id and a claim such as "
            "lis.person_sourcedid, ext.user_username or custom.student_number."
        )
    return Match(field), claim
