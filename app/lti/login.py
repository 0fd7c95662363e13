"""The beginning of a launch: who asks is sent to the platform with a state and a nonce that work once, here.

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
"""Where every launch ends, whatever it is for."""


@dataclass(frozen=True)
class Initiation:
    """What a platform sends to begin with. Nothing of it is believed before it comes back signed."""

    iss: str
    login_hint: str
    target_link_uri: str
    client_id: str | None = None
    lti_message_hint: str | None = None
    lti_deployment_id: str | None = None


def begin(session: Session, asked: Initiation, browser: str, base: str) -> str:
    """The address at the platform to send the browser to. Raises `LaunchRefused`.

    ``browser`` is the secret of the browser's own cookie: only that browser can end what begins here.
    """
    platform = _platform(session, asked)
    if asked.lti_deployment_id is not None and asked.lti_deployment_id not in platform.deployments:
        raise LaunchRefused(Reason.DEPLOYMENT, asked.lti_deployment_id)
    check_target(asked.target_link_uri, base)
    state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    moment = now()
    kept = PendingLogin(
        state=digest(state),
        browser=digest(browser),
        nonce=digest(nonce),
        target=asked.target_link_uri,
        platform_id=platform.id,
        expires_at=moment + LIFETIME,
    )
    repository.add_login(session, kept, moment)
    fields = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": platform.client_id,
        "redirect_uri": base + LAUNCH,
        "login_hint": asked.login_hint,
        "state": state,
        "nonce": nonce,
    }
    if asked.lti_message_hint is not None:
        fields["lti_message_hint"] = asked.lti_message_hint
    joint = "&" if urlsplit(platform.auth_url).query else "?"
    return f"{platform.auth_url}{joint}{urlencode(fields)}"


def take(session: Session, state: str) -> PendingLogin | None:
    """The launch that ends now. Its state is worth nothing any more once the caller's transaction is stored."""
    return repository.take_login(session, digest(state))


def check(begun: PendingLogin | None, browser: str | None) -> PendingLogin:
    """The launch, if it has begun not long ago and in this browser. Raises `LaunchRefused`."""
    if begun is None or begun.expires_at <= now():
        raise LaunchRefused(Reason.STATE)
    if browser is None or not hmac.compare_digest(begun.browser, digest(browser)):
        raise LaunchRefused(Reason.BROWSER)
    return begun


def check_target(target: str, base: str) -> None:
    """Raise `LaunchRefused` unless the target is our own launch address, with or without a query."""
    if target.partition("?")[0].rstrip("/") != base + LAUNCH:
        raise LaunchRefused(Reason.TARGET, target)


def _platform(session: Session, asked: Initiation) -> Platform:
    found = repository.platforms_of(session, asked.iss, asked.client_id)
    if not found:
        raise LaunchRefused(Reason.PLATFORM_UNKNOWN, asked.iss)
    if len(found) > 1:
        raise LaunchRefused(Reason.PLATFORM_AMBIGUOUS, asked.iss)
    return found[0]
