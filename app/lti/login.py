"""The first step of a launch: the browser goes to the platform with a state and a nonce, each for one use.

OpenID Connect Core 1.0, 4 (third-party initiated login); 1EdTech Security Framework 1.0, 5.1.1.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

from sqlalchemy.orm import Session

from app.db.base import now
from app.lti import repository
from app.lti.models import PendingLogin, Platform
from app.lti.refusals import LaunchRefused, Reason
from app.users.service import digest

LIFETIME = timedelta(minutes=10)
LAUNCH = "/lti/launch"
"""The path that every launch ends at."""


@dataclass(frozen=True)
class Initiation:
    """The parameters with which a platform begins a launch. They are not trusted before they come back signed."""

    iss: str
    login_hint: str
    target_link_uri: str
    client_id: str | None = None
    lti_message_hint: str | None = None
    lti_deployment_id: str | None = None


def begin(session: Session, initiation: Initiation, browser: str, base: str) -> str:
    """Store a pending login and return the platform's address for the browser. Raises `LaunchRefused`.

    ``browser`` is the secret in the browser's cookie: only that browser can complete the launch.
    """
    platform = _platform(session, initiation)
    if initiation.lti_deployment_id is not None and initiation.lti_deployment_id not in platform.deployments:
        raise LaunchRefused(Reason.DEPLOYMENT, initiation.lti_deployment_id)
    check_target(initiation.target_link_uri, base)
    state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    moment = now()
    pending = PendingLogin(
        state=digest(state),
        browser=digest(browser),
        nonce=digest(nonce),
        target=initiation.target_link_uri,
        platform_id=platform.id,
        expires_at=moment + LIFETIME,
    )
    repository.add_login(session, pending, moment)
    fields = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": base + LAUNCH,
        "login_hint": initiation.login_hint,
        "state": state,
        "nonce": nonce,
    }
    if initiation.lti_message_hint is not None:
        fields["lti_message_hint"] = initiation.lti_message_hint
    separator = "&" if urlsplit(platform.auth_url).query else "?"
    return f"{platform.auth_url}{separator}{urlencode(fields)}"


def take(session: Session, state: str) -> PendingLogin | None:
    """The pending login with this state, which is used up when the caller's transaction commits."""
    return repository.take_login(session, digest(state))


def check(pending: PendingLogin | None, browser: str | None) -> PendingLogin:
    """The pending login, if it has not expired and belongs to this browser. Raises `LaunchRefused`."""
    if pending is None or pending.expires_at <= now():
        raise LaunchRefused(Reason.STATE)
    if browser is None or not hmac.compare_digest(pending.browser, digest(browser)):
        raise LaunchRefused(Reason.BROWSER)
    return pending


def check_target(target: str, base: str) -> None:
    """Raise `LaunchRefused` unless the target is this service's launch address, with or without a query."""
    if target.partition("?")[0].rstrip("/") != base + LAUNCH:
        raise LaunchRefused(Reason.TARGET, target)


def _platform(session: Session, initiation: Initiation) -> Platform:
    platforms = repository.platforms_of(session, initiation.iss, initiation.client_id)
    if not platforms:
        raise LaunchRefused(Reason.PLATFORM_UNKNOWN, initiation.iss)
    if len(platforms) > 1:
        raise LaunchRefused(Reason.PLATFORM_AMBIGUOUS, initiation.iss)
    return platforms[0]
