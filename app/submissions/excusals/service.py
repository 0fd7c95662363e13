"""Excuse single students from an assignment, in the caller's transaction."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.db.base import now
from app.problems import NotFound
from app.submissions import students
from app.submissions.excusals import repository
from app.submissions.excusals.models import Excusal
from app.submissions.extensions import repository as extensions


class ExcusalNotFound(NotFound):
    """This student is not excused from the assignment."""

    slug = "excusal-not-found"


def excuse(session: Session, viewer: Viewer, slug: str, login: str, reason: str) -> Excusal:
    """Leave a student's score out of statistics, exports and gradebooks. Submissions and results stay.

    Raises `AssignmentNotFound`, `UserNotFound` or `OwnCase`.
    """
    assignments.current(session, slug)
    student = students.find_other(session, viewer, slug, login)
    row = repository.get(session, slug, student.id)
    if row is None:
        row = Excusal(slug=slug, user_id=student.id)
        session.add(row)
    row.reason, row.by_id, row.at = reason, viewer.user_id, now()
    session.flush()
    audit.record(session, viewer.login, "excusal.set", f"{slug}/{student.login}", reason=reason)
    extensions.touch_submissions(session, slug, student.id)
    return row


def remove(session: Session, viewer: Viewer, slug: str, login: str) -> None:
    """Let the student's score count again.

    Raises `AssignmentNotFound`, `UserNotFound`, `OwnCase` or `ExcusalNotFound`.
    """
    assignments.current(session, slug)
    student = students.find_other(session, viewer, slug, login)
    row = repository.get(session, slug, student.id)
    if row is None:
        raise ExcusalNotFound
    audit.record(session, viewer.login, "excusal.remove", f"{slug}/{student.login}", old=row.reason)
    session.delete(row)
    session.flush()
    extensions.touch_submissions(session, slug, student.id)


def is_excused(session: Session, slug: str, user_id: int) -> bool:
    """Whether a student's score of an assignment does not count."""
    return repository.get(session, slug, user_id) is not None
