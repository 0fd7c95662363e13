"""Grant and remove later deadlines of single students, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.courses.names import course_of
from app.db.base import now
from app.problems import Forbidden, NotFound, PreconditionFailed, Unprocessable
from app.submissions.extensions import repository
from app.submissions.extensions.models import Extension
from app.users import repository as user_repository
from app.users import service as users
from app.users.models import User


class ExtensionNotFound(NotFound):
    """This student has no extension of the assignment."""

    slug = "extension-not-found"


class ExtensionUseless(Unprocessable):
    """The extension does not move the deadline."""

    slug = "extension-useless"


class ExtensionChanged(PreconditionFailed):
    """Somebody has changed this deadline since you opened the page; nothing was saved. Check it and decide again."""

    slug = "extension-changed"


class UnknownStudents(Unprocessable):
    """Some logins are nobody's."""

    slug = "unknown-students"


class ExtensionShorter(Unprocessable):
    """Some students have a later deadline already."""

    slug = "extension-shorter"


class OwnExtension(Forbidden):
    """This would be your own extension. Another member of the staff has to decide on it."""

    slug = "own-extension"


def grant(session: Session, viewer: Viewer, slug: str, login: str, deadline: datetime, reason: str) -> Extension:
    """Set a student's deadline for an assignment, at once also for earlier submissions.

    Raises `AssignmentNotFound`, `UserNotFound`, `OwnExtension` or `ExtensionUseless`.
    """
    schedule = assignments.definition(assignments.current(session, slug)).schedule
    student = _student(session, viewer, slug, login)
    if schedule.deadline is None:
        raise ExtensionUseless(f"{slug} has no deadline, so there is nothing to extend.")
    if deadline <= schedule.deadline:
        raise ExtensionUseless(
            f"{deadline.isoformat()} is not after the deadline of {slug}, {schedule.deadline.isoformat()}."
        )
    row = repository.get(session, slug, student.id)
    former = row.deadline.isoformat() if row is not None else None
    if row is None:
        row = Extension(slug=slug, user_id=student.id)
        session.add(row)
    row.deadline, row.reason, row.by_id, row.at = deadline, reason, viewer.user_id, now()
    session.flush()
    audit.record(
        session,
        viewer.login,
        "extension.set",
        f"{slug}/{student.login}",
        old=former,
        new=row.deadline.isoformat(),
        reason=reason,
    )
    repository.touch_submissions(session, slug, student.id)
    session.refresh(row)
    return row


def check_basis(session: Session, slug: str, login: str, basis: str) -> None:
    """Compare the extended deadline behind a decision, as ISO text or empty, with the current one.

    Raises `ExtensionChanged` or `UserNotFound`.
    """
    extended_to = deadline(session, slug, users.find_member(session, login, course_of(slug)).id)
    if basis != (extended_to.isoformat() if extended_to else ""):
        raise ExtensionChanged


def grant_all(
    session: Session, viewer: Viewer, slug: str, logins: Sequence[str], until: datetime, reason: str
) -> list[Extension]:
    """Give these students a later deadline, all or none.

    Raises `AssignmentNotFound`, `UnknownStudents` with every login that nobody has, `OwnExtension`, `ExtensionUseless`
    or `ExtensionShorter` with every student who has a later deadline already.
    """
    assignments.current(session, slug)
    known = {user.login for user in user_repository.with_logins(session, logins)}
    unknown = [login for login in logins if login not in known]
    if unknown:
        raise UnknownStudents(f"Nobody has the login {', '.join(unknown)}.", logins=unknown)
    later = [
        row for row in repository.of_assignment(session, slug) if row.user.login in logins and row.deadline > until
    ]
    if later:
        names = [row.user.login for row in later]
        listed = ", ".join(names)
        raise ExtensionShorter(f"These students have a later deadline already: {listed}.", logins=names)
    return [grant(session, viewer, slug, login, until, reason) for login in logins]


def remove(session: Session, viewer: Viewer, slug: str, login: str) -> None:
    """Remove a student's extension, so that the assignment's deadline counts again.

    Raises `AssignmentNotFound`, `UserNotFound`, `OwnExtension` or `ExtensionNotFound`.
    """
    assignments.current(session, slug)
    student = _student(session, viewer, slug, login)
    row = repository.get(session, slug, student.id)
    if row is None:
        raise ExtensionNotFound
    audit.record(session, viewer.login, "extension.remove", f"{slug}/{student.login}", old=row.deadline.isoformat())
    session.delete(row)
    session.flush()
    repository.touch_submissions(session, slug, student.id)


def deadline(session: Session, slug: str, user_id: int) -> datetime | None:
    """The extended deadline of a student, if there is one."""
    row = repository.get(session, slug, user_id)
    return row.deadline if row is not None else None


def _student(session: Session, viewer: Viewer, slug: str, login: str) -> User:
    student = users.find_member(session, login, course_of(slug))
    if student.id == viewer.user_id and not viewer.is_admin:
        raise OwnExtension
    return student
