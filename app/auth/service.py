"""Tokens and browser sessions into viewers. Works in the caller's transaction."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.auth.models import WebSession
from app.auth.viewer import Viewer
from app.db.base import now
from app.users.models import Token, User
from app.users.service import digest


def by_token(session: Session, secret: str) -> Viewer | None:
    """Who holds this token, or ``None``. The look-up is by hash, so its time says nothing of the secret."""
    user = session.scalar(select(User).join(Token).where(Token.digest == digest(secret), Token.revoked_at.is_(None)))
    return Viewer.of(user) if user else None


def by_cookie(session: Session, cookie: str) -> Viewer | None:
    """Who is logged in with this cookie, or ``None`` when it is unknown, expired, or its token was revoked."""
    user = session.scalar(
        select(User)
        .join(Token, Token.user_id == User.id)
        .join(WebSession, WebSession.token_id == Token.id)
        .where(WebSession.digest == digest(cookie), WebSession.expires_at > now(), Token.revoked_at.is_(None))
    )
    return Viewer.of(user) if user else None


def log_in(session: Session, token: str, *, days: int) -> str | None:
    """Open a browser session for the holder of a token: the cookie's value, or ``None`` for a wrong token."""
    found = session.scalar(select(Token).where(Token.digest == digest(token), Token.revoked_at.is_(None)))
    return None if found is None else open_session(session, found, days=days)


def open_session(session: Session, token: Token, *, days: int) -> str:
    """Open a browser session that ends with this token at the latest: the cookie's value."""
    session.execute(delete(WebSession).where(WebSession.expires_at <= now()))
    cookie = secrets.token_urlsafe(32)
    session.add(WebSession(digest=digest(cookie), token_id=token.id, expires_at=now() + timedelta(days=days)))
    return cookie


def open_sessions(session: Session, user_id: int) -> int:
    """In how many browsers a person is logged in."""
    query = select(func.count()).select_from(WebSession).join(Token, WebSession.token_id == Token.id)
    query = query.where(Token.user_id == user_id, Token.revoked_at.is_(None), WebSession.expires_at > now())
    return session.scalar(query) or 0


def end_sessions(session: Session, user_id: int) -> None:
    """Log a person out of every browser. Their tokens stay valid."""
    tokens = select(Token.id).where(Token.user_id == user_id)
    session.execute(
        delete(WebSession).where(WebSession.token_id.in_(tokens)), execution_options={"synchronize_session": False}
    )


def log_out(session: Session, cookie: str) -> None:
    """End a browser session. An unknown cookie is no error."""
    session.execute(delete(WebSession).where(WebSession.digest == digest(cookie)))
