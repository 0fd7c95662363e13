"""People and tokens: create, edit, revoke.

Every function works in the caller's transaction and writes the audit log; ``actor`` is the login of the
person who acts, or the name of a command.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.courses import service as courses
from app.courses.names import FIRST
from app.db.base import now
from app.problems import Conflict, NotFound
from app.users import enrolments, repository
from app.users.enrolments import UserNotFound as UserNotFound
from app.users.models import Enrolment, Role, Token, User
from app.users.roster import LOGIN

BOOTSTRAP_LOGIN = "admin"
_BOOTSTRAP_HINT = "(setting)"
_PREFIX = "assay_"
LINK_PREFIX = "assay_link_"
LINK_DAYS = 14
"""Days for which a login link is valid, unless somebody says otherwise."""
MOST_LINK_DAYS = 180


class LoginTaken(Conflict):
    """Another person has this login."""

    slug = "login-taken"


class OwnRole(Conflict):
    """Nobody changes their own role; another admin does."""

    slug = "own-role"


class UserChanged(Conflict):
    """Somebody else has changed this person meanwhile. The form has your input and the page the current state."""

    slug = "user-changed"


class PersonDeleted(Conflict):
    """The data of this person was deleted. Add the person anew."""

    slug = "person-deleted"


class TokenNotFound(NotFound):
    """There is no such token."""

    slug = "token-not-found"


class RoleByCourse(Conflict):
    """This person is in other courses than the first one. Give them a role where they are enrolled, in each course."""

    slug = "role-by-course"


@dataclass(frozen=True)
class NewToken:
    """A new token with its ``secret``, which is not stored."""

    id: int
    secret: str


@dataclass(frozen=True)
class LoginLink:
    """A new login link of a person: its ``secret`` is not stored."""

    id: int
    login: str
    name: str
    secret: str
    expires_at: datetime

    def address(self, base_url: str) -> str:
        """The link. Its secret is in the fragment, which browsers send to no server and so to no log."""
        return f"{base_url.rstrip('/')}/login/link#{self.secret}"


def digest(secret: str) -> str:
    """The SHA-256 of a secret, which is stored. Secrets are 32 random bytes, so that a slower hash adds nothing."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def find(session: Session, login: str) -> User:
    """The person with this login. Raises `UserNotFound`."""
    user = repository.by_login(session, login)
    if user is None:
        raise UserNotFound(f"There is no person with the login {login}.")
    return user


def create_user(
    session: Session,
    *,
    login: str,
    name: str,
    role: Role,
    actor: str,
    student_id: str | None = None,
    course: str = FIRST,
    section: str | None = None,
) -> User:
    """Add a person, and enrol them in a course unless they are an admin.

    Raises `LoginTaken`, `CourseArchived`, and `ValueError` for a login that is none.
    """
    if not re.fullmatch(LOGIN, login):
        raise ValueError(f"{login!r} is not a login: letters, digits and . _ @ + - only, 80 at most")
    if repository.by_login(session, login) is not None:
        raise LoginTaken(f"The login {login} is taken.")
    if role is not Role.ADMIN:
        courses.require_open(session, course)
    places = [] if role is Role.ADMIN else [Enrolment(course=course, role=role, section=section)]
    user = User(login=login, name=name, role=role, student_id=student_id, enrolments=places)
    session.add(user)
    session.flush()
    audit.record(session, actor, "user.create", login, role=role.value)
    return user


def edit_user(
    session: Session,
    user: User,
    *,
    actor: str,
    name: str | None = None,
    role: Role | None = None,
    student_id: str | None = None,
) -> None:
    """Change what is given; an empty student id removes it. A role other than admin is that in the first course.

    Raises `OwnRole`, `PersonDeleted`, `RoleByCourse` or `CourseArchived`.
    """
    _require_present(user)
    wanted = {"name": name, "role": role, "student_id": student_id}
    changes = {
        key: value or None
        for key, value in wanted.items()
        if value is not None and (value or None) != getattr(user, key)
    }
    if "role" in changes and actor == user.login:
        raise OwnRole
    if "role" in changes and Role.ADMIN not in (user.role, role):
        _require_first_course(session, user)
    for key, value in changes.items():
        setattr(user, key, value)
    if role is not None and role is not Role.ADMIN and "role" in changes:
        _follow_role(session, user, role)
    if changes:
        told = {key: str(value or "") for key, value in changes.items()}
        audit.record(session, actor, "user.edit", user.login, **told)


def _require_first_course(session: Session, user: User) -> None:
    """Raises `RoleByCourse` for who is in other courses alone, `CourseArchived` if roles in the first cannot change."""
    if user.enrolments and repository.enrolment(session, user.id, FIRST) is None:
        others = ", ".join(sorted(row.course for row in user.enrolments))
        raise RoleByCourse(
            f"{user.login} is not in the first course but in {others}. Set the role there, on the course's page of "
            "people or with `assay users enrol --course`."
        )
    courses.require_open(session, FIRST)


def _follow_role(session: Session, user: User, role: Role) -> None:
    """Give the role in the first course too, unless the person is in others alone or would be new in an archived one.

    Who is an admin no more loses those rights in an archived course, too.
    """
    row = repository.enrolment(session, user.id, FIRST)
    if row is not None:
        row.role = role
    elif not user.enrolments and not courses.is_archived(session, FIRST):
        enrolments.enrol(session, user, FIRST, role)


def stamp(user: User) -> str:
    """A value that changes with every edit of a person."""
    return digest(json.dumps([user.name, user.role.value, user.student_id]))[:16]


def find_member(session: Session, login: str, course: str) -> User:
    """The person with this login who is or was enrolled in a course, or an admin. Raises `UserNotFound`."""
    user = repository.by_login(session, login)
    if user is None or (user.role is not Role.ADMIN and repository.enrolment(session, user.id, course) is None):
        raise UserNotFound(f"There is no person with the login {login}.")
    return user


def create_token(session: Session, user: User, *, actor: str) -> NewToken:
    """A new token for a person; the others stay valid."""
    token, secret = _add_token(session, user, _PREFIX)
    audit.record(session, actor, "token.create", user.login, token=token.id)
    return NewToken(token.id, secret)


def create_login_links(
    session: Session,
    *,
    actor: str,
    logins: Collection[str] = (),
    role: Role = Role.STUDENT,
    days: int = LINK_DAYS,
    course: str = FIRST,
) -> list[LoginLink]:
    """New login links of these people, or of everybody with this role in a course; earlier links and tokens stay valid.

    Raises `UserNotFound`, `CourseNotFound`, and `ValueError` for a number of days that is not from 1 to
    `MOST_LINK_DAYS`.
    """
    courses.find(session, course)
    if not 1 <= days <= MOST_LINK_DAYS:
        raise ValueError(f"a login link is valid for 1 to {MOST_LINK_DAYS} days")
    people = repository.with_logins(session, logins) if logins else repository.with_role(session, role, course)
    if unknown := sorted(set(logins) - {person.login for person in people}):
        raise UserNotFound(f"There is no person with the login {unknown[0]}.")
    expires_at = now() + timedelta(days=days)
    links = []
    for person in people:
        token, secret = _add_token(session, person, LINK_PREFIX, expires_at)
        audit.record(session, actor, "link.create", person.login, token=token.id, days=days)
        links.append(LoginLink(token.id, person.login, person.name, secret, expires_at))
    return links


def revoke_login_links(session: Session, *, actor: str) -> int:
    """Revoke every valid login link, which ends the browser sessions that they opened. Returns their number."""
    revoked = repository.revoke_links(session, now())
    audit.record(session, actor, "link.revoke", "all", links=revoked)
    return revoked


def _require_present(user: User) -> None:
    if user.deleted_at is not None:
        raise PersonDeleted


def _add_token(session: Session, user: User, prefix: str, link_expires_at: datetime | None = None) -> tuple[Token, str]:
    _require_present(user)
    secret = prefix + secrets.token_urlsafe(32)
    hint = secret[: len(prefix) + 4]
    token = Token(user_id=user.id, digest=digest(secret), hint=hint, link_expires_at=link_expires_at)
    session.add(token)
    session.flush()
    return token, secret


def revoke_token(session: Session, token_id: int, *, actor: str) -> None:
    """Revoke a token, which ends every browser session that it opened. Raises `TokenNotFound`."""
    token = repository.token(session, token_id)
    if token is None or token.revoked_at is not None:
        raise TokenNotFound
    token.revoked_at = now()
    audit.record(session, actor, "token.revoke", token.user.login, token=token.id)


def bootstrap_admin(session: Session, secret: str) -> None:
    """Make ``secret`` the token of the user `admin`; an earlier token from the settings ends."""
    admin = repository.by_login(session, BOOTSTRAP_LOGIN)
    if admin is None:
        admin = create_user(session, login=BOOTSTRAP_LOGIN, name="Administrator", role=Role.ADMIN, actor="settings")
    current = digest(secret)
    for former in repository.tokens_with_hint(session, _BOOTSTRAP_HINT):
        if former.digest != current:
            former.revoked_at = former.revoked_at or now()
    token = repository.token_by_digest(session, current)
    if token is None:
        session.add(Token(user_id=admin.id, digest=current, hint=_BOOTSTRAP_HINT))
    else:
        token.revoked_at = None
