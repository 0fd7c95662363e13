"""Verification of the signed message of a launch.

1EdTech Security Framework 1.0, 5.1.3; LTI 1.3, 5.3 and Deep Linking 2.0, 4.4.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidIssuerError,
    MissingRequiredClaimError,
    PyJWTError,
)

from app.lti import login
from app.lti.keys import ALGORITHM
from app.lti.models import PendingLogin, Platform
from app.lti.outgoing import PlatformAway, PlatformRefused
from app.lti.platform_keys import KeyUnknown, PlatformKeys
from app.lti.refusals import LaunchRefused, Reason
from app.users.service import digest

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
DEEP_LINKING = "https://purl.imsglobal.org/spec/lti-dl/claim/"
ENDPOINT = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
SCORE_SCOPE = "https://purl.imsglobal.org/spec/lti-ags/scope/score"
RESOURCE_LINK, DEEP_LINK = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"
_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
_LEARNER = {f"{_MEMBERSHIP}#Learner", "Learner"}
_INSTRUCTOR = {f"{_MEMBERSHIP}#Instructor", "Instructor"}
_ASSISTANT = f"{_MEMBERSHIP}/Instructor#TeachingAssistant"
_STAFF = {*_INSTRUCTOR, _ASSISTANT}
_LEEWAY = 60
"""Seconds that the platform's clock may differ from this one."""
_MAX_SUBJECT = _MAX_CONTEXT = 255


@dataclass(frozen=True)
class Message:
    """A launch with a valid signature, time, audience, nonce, deployment and target."""

    kind: str
    deployment: str
    subject: str
    name: str
    is_staff: bool
    is_instructor: bool
    is_learner: bool
    assignment: str | None
    context: str
    context_id: str
    claims: dict[str, Any]

    def claim(self, path: str) -> str | None:
        """The text of a claim about the person, such as ``lis.person_sourcedid``.

        ``None`` for a variable that the platform did not replace (``$Person.sourcedId``).
        """
        group, _, name = path.partition(".")
        value = _object(self.claims.get(LTI + group)).get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        return value if isinstance(value, str) and value and not value.startswith("$") else None


def verify(token: str, pending: PendingLogin, platform: Platform, keys: PlatformKeys, base: str) -> Message:
    """Check that this platform signed the launch for this service, now and for one use. Raises `LaunchRefused`."""
    claims = _signed(token, platform, keys)
    audience = claims["aud"]
    several = isinstance(audience, list) and len(audience) > 1
    if (several or "azp" in claims) and claims.get("azp") != platform.client_id:
        raise LaunchRefused(Reason.AUDIENCE, f"azp {claims.get('azp')!r}")
    nonce = claims["nonce"]
    if not isinstance(nonce, str) or not hmac.compare_digest(digest(nonce), pending.nonce):
        raise LaunchRefused(Reason.NONCE)
    deployment = claims.get(f"{LTI}deployment_id")
    if deployment not in platform.deployments:
        raise LaunchRefused(Reason.DEPLOYMENT, str(deployment))
    kind = claims.get(f"{LTI}message_type")
    if kind not in (RESOURCE_LINK, DEEP_LINK) or claims.get(f"{LTI}version") != "1.3.0":
        raise LaunchRefused(Reason.MESSAGE, str(kind))
    _check_target(kind, claims, pending, base)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT or not subject.isprintable():
        raise LaunchRefused(Reason.MESSAGE, "the launch does not say who it is for")
    roles = {role for role in _list(claims.get(f"{LTI}roles")) if isinstance(role, str)}
    return Message(
        kind=kind,
        deployment=str(deployment),
        subject=subject,
        name=_name(claims),
        is_staff=bool(roles & _STAFF),
        is_instructor=bool(roles & _INSTRUCTOR) and _ASSISTANT not in roles,
        is_learner=bool(roles & _LEARNER),
        assignment=_assignment(claims),
        context=_context(claims),
        context_id=_context_id(claims),
        claims=claims,
    )


def _signed(token: str, platform: Platform, keys: PlatformKeys) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
    except PyJWTError as error:
        raise LaunchRefused(Reason.SIGNATURE, str(error)) from error
    if header.get("alg") != ALGORITHM or not isinstance(header.get("kid"), str):
        raise LaunchRefused(Reason.SIGNATURE, f"alg {header.get('alg')!r}, kid {header.get('kid')!r}")
    try:
        key = keys.key(platform.jwks_url, header["kid"])
        return jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=platform.client_id,
            issuer=platform.issuer,
            leeway=_LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "nonce"]},
        )
    except KeyUnknown as error:
        raise LaunchRefused(Reason.SIGNATURE, str(error)) from error
    except (PlatformAway, PlatformRefused) as error:
        raise LaunchRefused(Reason.PLATFORM_AWAY, str(error)) from error
    except (ExpiredSignatureError, ImmatureSignatureError) as error:
        raise LaunchRefused(Reason.EXPIRED, str(error)) from error
    except InvalidAudienceError as error:
        raise LaunchRefused(Reason.AUDIENCE, str(error)) from error
    except InvalidIssuerError as error:
        raise LaunchRefused(Reason.ISSUER, str(error)) from error
    except MissingRequiredClaimError as error:
        raise LaunchRefused(Reason.MESSAGE, str(error)) from error
    except PyJWTError as error:
        raise LaunchRefused(Reason.SIGNATURE, str(error)) from error


def _check_target(kind: str, claims: dict[str, Any], pending: PendingLogin, base: str) -> None:
    """Raise `LaunchRefused` unless the signed target is the one that the launch began with.

    Deep linking may leave it out.
    """
    target = claims.get(f"{LTI}target_link_uri", pending.target if kind == DEEP_LINK else None)
    if not isinstance(target, str) or target != pending.target:
        raise LaunchRefused(Reason.TARGET, str(target))
    login.check_target(target, base)


def _assignment(claims: dict[str, Any]) -> str | None:
    """The assignment of the link, from its parameters or its address. Raises `LaunchRefused` when they differ."""
    custom = _object(claims.get(f"{LTI}custom")).get("assignment")
    slugs = {value for value in (custom, *_slugs_in_query(claims)) if isinstance(value, str) and value}
    if len(slugs) > 1:
        raise LaunchRefused(Reason.TARGET, " / ".join(sorted(slugs)))
    return slugs.pop() if slugs else None


def _slugs_in_query(claims: dict[str, Any]) -> list[str]:
    return parse_qs(urlsplit(str(claims.get(f"{LTI}target_link_uri", ""))).query).get("assignment", [])


def _context(claims: dict[str, Any]) -> str:
    context = _object(claims.get(f"{LTI}context"))
    return _one_line(context.get("title") or context.get("label") or context.get("id"))


def _context_id(claims: dict[str, Any]) -> str:
    """The id of the platform's course. It is empty for a launch from outside of a course."""
    identifier = _object(claims.get(f"{LTI}context")).get("id", "")
    if not isinstance(identifier, str) or len(identifier) > _MAX_CONTEXT or not identifier.isprintable():
        raise LaunchRefused(Reason.MESSAGE, "the id of the course cannot be used")
    return identifier


def _name(claims: dict[str, Any]) -> str:
    full_name = _one_line(claims.get("name"))
    return full_name or f"{_one_line(claims.get('given_name'))} {_one_line(claims.get('family_name'))}".strip()


def _one_line(value: Any) -> str:
    """A text of the platform as one line of at most 200 characters."""
    text = value if isinstance(value, str) else ""
    return "".join(char for char in text if char.isprintable())[:200].strip()


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
