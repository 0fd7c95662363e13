"""Reports and lists of submissions, for viewers who may see them."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth import access
from app.auth.viewer import Viewer
from app.problems import Unprocessable
from app.reports import building
from app.reports.schemas import Report, SubmissionPage, SubmissionRow
from app.scores import withholding
from app.scores.standing import SubmissionScores
from app.submissions import repository
from app.submissions import service as submissions
from app.submissions.models import State, Submission
from app.submissions.submitting import NewSubmission
from grader.assignment import Tell


class UnknownCursor(Unprocessable):
    """The cursor is not one of this service's."""

    slug = "unknown-cursor"


def load_report(session: Session, viewer: Viewer, submission_id: uuid.UUID, language: str) -> Report:
    """The report of a submission. Raises `SubmissionNotFound`."""
    submission = submissions.find(session, viewer, submission_id)
    is_staff = access.is_staff_of(viewer, submission.assignment.slug)
    return building.build_report(session, submission, language, is_staff=is_staff)


def load_student_report(session: Session, viewer: Viewer, submission_id: uuid.UUID, language: str) -> Report:
    """The report as the student of the submission reads it, for any viewer. Raises `SubmissionNotFound`."""
    submission = submissions.find(session, viewer, submission_id)
    return building.build_report(session, submission, language, is_staff=False)


def new_report(new: NewSubmission, student: str, language: str) -> Report:
    """The report of a student's submission that was stored just now."""
    return building.build_new_report(new, student, language)


def list_submissions(
    session: Session,
    viewer: Viewer,
    *,
    assignment: str | None = None,
    student: str | None = None,
    state: State | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> SubmissionPage:
    """Submissions that the viewer may see, newest first. Raises `UnknownCursor`."""
    before = _position(cursor) if cursor is not None else None
    rows = repository.page(
        session, viewer, assignment=assignment, student=student, state=state, before=before, limit=limit + 1
    )
    has_more, rows = len(rows) > limit, rows[:limit]
    scores = SubmissionScores(session, [submission.id for submission in rows])
    versions = {submission.assignment_id: submission.assignment for submission in rows}
    withheld = {
        key: withholding.withheld(
            session, assignments.definition(version), is_staff=access.is_staff_of(viewer, version.slug)
        )
        for key, version in versions.items()
    }
    return SubmissionPage(
        items=[_row(submission, scores, withheld[submission.assignment_id]) for submission in rows],
        next_cursor=_cursor(rows[-1]) if has_more else None,
    )


def _row(submission: Submission, scores: SubmissionScores, withheld: Mapping[str, Tell]) -> SubmissionRow:
    """A submission as a row of a list, without the results of ``withheld`` questions."""
    score = scores.of(submission).told(withheld)
    head = building.submission_head(submission, submission.assignment.slug, submission.user.login, score)
    return SubmissionRow(**head, late=score.late is not None, needs_review=score.needs_review)


def _cursor(submission: Submission) -> str:
    position = f"{submission.submitted_at.isoformat()} {submission.id.hex}"
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, identifier = text.partition(" ")
        position = datetime.fromisoformat(at), uuid.UUID(identifier)
    except (ValueError, binascii.Error):
        raise UnknownCursor from None
    if position[0].tzinfo is None:
        raise UnknownCursor
    return position
