"""SQL of people and their tokens."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from app.users.models import Enrolment, Role, Token, User


def by_login(session: Session, login: str) -> User | None:
    """The person with this login."""
    return session.scalar(select(User).where(User.login == login))


def with_login_in_any_case(session: Session, login: str) -> list[User]:
    """The people whose login differs from this one in upper and lower case at most, two at most."""
    return list(session.scalars(select(User).where(func.lower(User.login) == login.lower()).limit(2)))


def with_student_id(session: Session, student_id: str) -> list[User]:
    """The people with this student id, two at most."""
    return list(session.scalars(select(User).where(User.student_id == student_id).limit(2)))


def search(session: Session, text: str, *, after: str = "", limit: int) -> list[User]:
    """People whose login, name or student id contains the text, in order of their logins from ``after`` on."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = f"%{escaped}%"
    matches = or_(*(column.ilike(pattern, escape="\\") for column in (User.login, User.name, User.student_id)))
    query = select(User).where(matches, User.login > after).order_by(User.login).limit(limit)
    return list(session.scalars(query))


def with_logins(session: Session, logins: Collection[str]) -> list[User]:
    """The people with these logins, in order of their logins."""
    return list(session.scalars(select(User).where(User.login.in_(logins)).order_by(User.login)))


def count(session: Session) -> int:
    """The number of people."""
    return session.scalar(select(func.count()).select_from(User)) or 0


def token(session: Session, token_id: int) -> Token | None:
    """A token by its id, revoked or not."""
    return session.get(Token, token_id)


def token_by_digest(session: Session, digest: str) -> Token | None:
    """The token whose secret has this digest, revoked or not."""
    return session.scalar(select(Token).where(Token.digest == digest))


def everybody(session: Session) -> list[User]:
    """Everybody, in order of their logins."""
    return list(session.scalars(select(User).where(User.deleted_at.is_(None)).order_by(User.login)))


def with_role(session: Session, role: Role, course: str) -> list[User]:
    """The admins, or everybody who has another role in a course, in order of their logins."""
    is_enrolled = User.enrolments.any(
        and_(Enrolment.course == course, Enrolment.role == role, Enrolment.dropped_at.is_(None))
    )
    query = select(User).where(User.role == role if role is Role.ADMIN else is_enrolled)
    query = query.where(User.deleted_at.is_(None))
    return list(session.scalars(query.order_by(User.login)))


def enrolment(session: Session, user_id: int, course: str, *, lock: bool = False) -> Enrolment | None:
    """The enrolment of a person in a course, also of one who dropped it.

    ``lock`` reads it anew and keeps other writers off until the transaction ends.
    """
    return session.get(Enrolment, (user_id, course), populate_existing=lock, with_for_update=lock)


def unplaced(session: Session) -> list[User]:
    """Everybody who is in no course and no admin."""
    is_unplaced = User.role != Role.ADMIN, User.deleted_at.is_(None), ~User.enrolments.any()
    return list(session.scalars(select(User).where(*is_unplaced)))


def members_by_course(session: Session) -> dict[str, int]:
    """The number of people in each course, without those who dropped it."""
    query = select(Enrolment.course, func.count()).where(Enrolment.dropped_at.is_(None)).group_by(Enrolment.course)
    return dict(session.execute(query).all())


def enrolments(session: Session, course: str) -> list[tuple[User, Enrolment]]:
    """Everybody who is enrolled in a course or dropped it, in order of their logins."""
    query = select(User, Enrolment).join(Enrolment, Enrolment.user_id == User.id)
    query = query.where(Enrolment.course == course, User.deleted_at.is_(None)).order_by(User.login)
    return [(user, row) for user, row in session.execute(query)]


def tokens(session: Session, user: User) -> list[Token]:
    """Every token of a person, the newest first."""
    return list(session.scalars(select(Token).where(Token.user_id == user.id).order_by(Token.id.desc())))


def valid_token(session: Session, user: User, hint: str) -> Token | None:
    """A token of a person that has this hint and is not revoked."""
    query = select(Token).where(Token.user_id == user.id, Token.hint == hint, Token.revoked_at.is_(None))
    return session.scalar(query.limit(1))


def revoke_links(session: Session, moment: datetime) -> int:
    """Revoke every login link that neither expired nor was revoked. Returns their number."""
    is_open = Token.link_expires_at > moment, Token.revoked_at.is_(None)
    ended = session.execute(update(Token).where(*is_open).values(revoked_at=moment).returning(Token.id))
    return len(ended.all())


def tokens_with_hint(session: Session, hint: str) -> list[Token]:
    """All tokens with this hint."""
    return list(session.scalars(select(Token).where(Token.hint == hint)))
