"""Logging in and out, and finding the viewer behind a token or a cookie. Works in the caller's transaction."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy.orm import Session

from app.auth import repository
from app.auth.models import WebSession
from app.auth.viewer import Viewer
from app.db.base import now
from app.users.models import Token
from app.users.service import digest


def by_token(session: Session, secret: str) -> Viewer | None:
    """The holder of this token, or ``None``. The look-up is by hash, so its time reveals nothing of the secret."""
    user = repository.user_by_token(session, digest(secret))
    return Viewer.of(user) if user else None


def by_cookie(session: Session, cookie: str) -> Viewer | None:
    """The person logged in with this cookie, or ``None`` when it is unknown, expired, or its token was revoked."""
    user = repository.user_by_cookie(session, digest(cookie), now())
    return Viewer.of(user) if user else None


def log_in(session: Session, secret: str, *, days: int) -> str | None:
    """Open a browser session by the secret of a token or link: the cookie's value, or ``None`` for a wrong one."""
    token = repository.valid_token(session, digest(secret), now())
    return None if token is None else open_session(session, token, days=days)


def open_session(session: Session, token: Token, *, days: int) -> str:
    """Open a browser session that ends with this token at the latest: the cookie's value."""
    repository.delete_expired(session, now())
    cookie = secrets.token_urlsafe(32)
    session.add(WebSession(digest=digest(cookie), token_id=token.id, expires_at=now() + timedelta(days=days)))
    return cookie


def count_open_sessions(session: Session, user_id: int) -> int:
    """The number of browsers in which a person is logged in."""
    return repository.count_open(session, user_id, now())


def end_sessions(session: Session, user_id: int) -> None:
    """Log a person out of every browser. Their tokens stay valid."""
    repository.delete_of_user(session, user_id)


def log_out(session: Session, cookie: str) -> None:
    """End a browser session. An unknown cookie is no error."""
    repository.delete_by_cookie(session, digest(cookie))
