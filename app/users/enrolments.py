"""Who takes part in a course: enrol, change, drop. In the caller's transaction; the changes are in the audit log.

Who dropped a course reads nothing of it any more. The staff see them, marked, with their work; statistics leave them
out. Who is enrolled again has everything back.
"""

from __future__ import annotations

import hashlib
import json

from sqlalchemy.orm import Session

from app.audit import repository as audit_repository
from app.audit import service as audit
from app.courses import service as courses
from app.courses.names import FIRST
from app.db.base import now
from app.problems import Conflict, Forbidden, NotFound, PreconditionFailed
from app.users import repository
from app.users.models import Enrolment, Role, User

ROLES = (Role.STUDENT, Role.TA, Role.INSTRUCTOR)
"""The roles that a course can give."""


class UserNotFound(NotFound):
    """There is no person with this login."""

    slug = "user-not-found"


class EnrolmentChanged(PreconditionFailed):
    """Somebody else has changed this enrolment meanwhile. Look at the current one and decide again."""

    slug = "enrolment-changed"


class AdminEnrolled(Conflict):
    """An admin has all rights in every course and is not enrolled in any. Take away that right first."""

    slug = "admin-enrolled"


class OwnEnrolment(Conflict):
    """Nobody changes their own role in a course or drops it here; another instructor or an admin does."""

    slug = "own-enrolment"


class AlreadyEnrolled(Conflict):
    """This person is enrolled in the course already. Change that enrolment."""

    slug = "already-enrolled"


def find(session: Session, login: str, course: str, *, lock: bool = False) -> tuple[User, Enrolment]:
    """The person with this login and their enrolment in a course. Raises `UserNotFound`."""
    user = repository.by_login(session, login)
    row = repository.enrolment(session, user.id, course, lock=lock) if user is not None else None
    if user is None or row is None:
        raise UserNotFound(f"There is no person with the login {login}.")
    return user, row


def enrol(session: Session, user: User, course: str, role: Role, section: str | None = None) -> Enrolment:
    """Give a person a role in a course; who dropped it is back. Without a ``section`` the one they had stays."""
    row = repository.enrolment(session, user.id, course)
    if row is None:
        row = Enrolment(course=course)
        user.enrolments.append(row)
    row.role, row.dropped_at, row.section = role, None, section or row.section
    return row


def add(session: Session, user: User, course: str, role: Role, section: str | None, *, actor: str) -> Enrolment:
    """Enrol somebody who has an account. Raises `AdminEnrolled`, `AlreadyEnrolled` or `CourseArchived`."""
    courses.require_open(session, course)
    if user.role is Role.ADMIN:
        raise AdminEnrolled
    row = repository.enrolment(session, user.id, course)
    if row is not None and row.dropped_at is None:
        raise AlreadyEnrolled
    row = enrol(session, user, course, role, section)
    _record(session, actor, "enrolment.add", user, course, role=role.value, section=row.section or "")
    return row


def change(
    session: Session,
    user: User,
    row: Enrolment,
    *,
    actor: str,
    as_admin: bool,
    role: Role | None = None,
    section: str | None = None,
    dropped: bool | None = None,
    basis: str | None = None,
) -> None:
    """Change what is given; an empty section removes it. A person ``as_admin`` may change who is an instructor.

    Raises `EnrolmentChanged` if the enrolment is not that of the ``basis``, `OwnEnrolment`, `Forbidden` or
    `CourseArchived`.
    """
    courses.require_open(session, row.course)
    if basis and basis != stamp(row):
        raise EnrolmentChanged
    changes: dict[str, str] = {}
    if role is not None and role is not row.role:
        changes["role"] = role.value
    if section is not None and (section or None) != row.section:
        changes["section"] = section
    if dropped is not None and dropped != (row.dropped_at is not None):
        changes["dropped"] = "yes" if dropped else "no"
    if ("role" in changes or "dropped" in changes) and not as_admin:
        if actor == user.login:
            raise OwnEnrolment
        if Role.INSTRUCTOR in (row.role, role):
            raise Forbidden("Only an admin changes who is an instructor.")
    if "role" in changes and role is not None:
        row.role = role
        if row.course == FIRST:
            user.role = role
    if "section" in changes:
        row.section = section or None
    if "dropped" in changes:
        row.dropped_at = now() if dropped else None
    if changes:
        _record(session, actor, "enrolment.edit", user, row.course, **changes)


def drop(session: Session, users: list[User], course: str, *, actor: str) -> None:
    """Mark these people as dropped: they are missing from a new roster of everybody. Raises `CourseArchived`."""
    courses.require_open(session, course)
    for user in users:
        row = repository.enrolment(session, user.id, course)
        if row is not None and row.dropped_at is None:
            row.dropped_at = now()
            _record(session, actor, "enrolment.edit", user, course, dropped="yes")


def place(session: Session) -> int:
    """Enrol in the first course who is in none: a process of a version without courses added them during an upgrade.

    Not once there was a further course: then people can be left without any by its deletion. Returns their number.
    """
    people = repository.unplaced(session)
    if not people or "course.create" in audit_repository.actions(session):
        return 0
    for user in people:
        enrol(session, user, FIRST, user.role)
    return len(people)


def stamp(row: Enrolment) -> str:
    """A value that changes with every change of an enrolment."""
    dropped = row.dropped_at.isoformat() if row.dropped_at else None
    return hashlib.sha256(json.dumps([row.role.value, row.section, dropped]).encode()).hexdigest()[:16]


def _record(session: Session, actor: str, action: str, user: User, course: str, **detail: str) -> None:
    """An entry of the audit log. In the first course it names none, as while there is no other."""
    audit.record(session, actor, action, user.login, **({} if course == FIRST else {"course": course}), **detail)
