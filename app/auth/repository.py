"""SQL of browser sessions, and of the people behind tokens and cookies."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session, joinedload

from app.auth.models import WebSession
from app.users.models import Token, User

_WITH_ROLES = joinedload(User.enrolments)
_NO_SYNC = {"synchronize_session": False}


def valid_token(session: Session, digest: str, moment: datetime) -> Token | None:
    """The token or login link with this digest, unless it is revoked or has expired."""
    is_valid = or_(Token.link_expires_at.is_(None), Token.link_expires_at > moment)
    return session.scalar(select(Token).where(Token.digest == digest, Token.revoked_at.is_(None), is_valid))


def user_by_token(session: Session, digest: str) -> User | None:
    """The holder of the token with this digest, unless the token is revoked or a login link's."""
    is_valid = Token.revoked_at.is_(None), Token.link_expires_at.is_(None)
    query = select(User).join(Token).options(_WITH_ROLES)
    return session.scalars(query.where(Token.digest == digest, *is_valid)).unique().one_or_none()


def user_by_cookie(session: Session, digest: str, moment: datetime) -> User | None:
    """The person whose browser session has this digest, unless the session is over or its token is revoked."""
    query = select(User).join(Token).join(WebSession, WebSession.token_id == Token.id).options(_WITH_ROLES)
    return session.scalars(query.where(WebSession.digest == digest, _is_open(moment))).unique().one_or_none()


def count_open(session: Session, user_id: int, moment: datetime) -> int:
    """The number of browser sessions of a person that are not over."""
    query = select(func.count()).select_from(WebSession).join(Token, WebSession.token_id == Token.id)
    return session.scalar(query.where(Token.user_id == user_id, _is_open(moment))) or 0


def delete_expired(session: Session, moment: datetime) -> None:
    """Delete the browser sessions whose time is over."""
    session.execute(delete(WebSession).where(WebSession.expires_at <= moment), execution_options=_NO_SYNC)


def delete_of_user(session: Session, user_id: int) -> None:
    """Delete every browser session of a person."""
    tokens = select(Token.id).where(Token.user_id == user_id)
    session.execute(delete(WebSession).where(WebSession.token_id.in_(tokens)), execution_options=_NO_SYNC)


def delete_by_cookie(session: Session, digest: str) -> None:
    """Delete the browser session with this digest, if there is one."""
    session.execute(delete(WebSession).where(WebSession.digest == digest), execution_options=_NO_SYNC)


def _is_open(moment: datetime) -> ColumnElement[bool]:
    return and_(WebSession.expires_at > moment, Token.revoked_at.is_(None))
