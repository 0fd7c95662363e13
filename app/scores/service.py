"""Points of a class, and the points that people give. Works in the caller's transaction."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.db.base import now
from app.problems import NotFound, Unprocessable
from app.scores import class_records, repository
from app.scores.models import Override
from app.scores.standing import Sheets, Standing
from app.scores.table import ClassTable, StudentRow
from app.submissions import repository as submissions
from app.submissions import service as submission_service
from app.submissions.models import Submission
from grader.assignment import Assignment


class QuestionNotFound(NotFound):
    """The assignment has no such question."""

    slug = "question-not-found"


class OverrideNotFound(NotFound):
    """The question has no override."""

    slug = "override-not-found"


class PointsOutOfRange(Unprocessable):
    """The points are less than zero or more than the question is worth."""

    slug = "points-out-of-range"


def class_table(session: Session, assignment_slug: str) -> ClassTable:
    """One row a student, with the attempt that counts. Raises `AssignmentNotFound`.

    Everybody with the role of a student has a row, handed in or not; staff only when they handed in.
    """
    snapshot = class_records.ClassRecords().snapshot(session, assignment_slug)
    assignment = snapshot.assignment
    return ClassTable(
        assignment=assignment.slug,
        questions=[question.number for question in assignment.questions],
        max_score=assignment.max_score,
        rows=[StudentRow.of(standing, assignment) for standing in snapshot.standings],
    )


def standing(session: Session, submission: Submission, number: str) -> Standing:
    """A question of a submission as it stands. Raises `QuestionNotFound`."""
    assignment = assignments.definition(submission.assignment)
    _check_question(assignment, number)
    sheet = Sheets(session, [submission.id]).sheet(submission.id, assignment)
    return next(item for item in sheet.questions if item.question.number == number)


def override(
    session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str, *, score: float, reason: str
) -> None:
    """Give a question these points instead of the computed ones, whatever is computed later.

    Raises `SubmissionNotFound`, `QuestionNotFound` or `PointsOutOfRange`.
    """
    submission = submission_service.find(session, viewer, submission_id, lock=True)
    found = standing(session, submission, number)
    if not 0 <= score <= found.question.points:
        raise PointsOutOfRange(f"Question {number} is worth 0 to {found.question.points} points, not {score}.")
    replaced = found.score
    _end(session, viewer, submission.id, number)
    session.add(
        Override(
            submission_id=submission.id,
            question=number,
            score=score,
            replaced=replaced,
            reason=reason,
            by_id=viewer.user_id,
        )
    )
    audit.record(
        session, viewer.login, "override.set", f"{submission.id}/{number}", old=replaced, new=score, reason=reason
    )
    session.flush()
    submissions.touch(session, submission.id)


def remove_override(session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str) -> None:
    """Let the computed points stand again. Raises `SubmissionNotFound`, `QuestionNotFound` or `OverrideNotFound`."""
    submission = submission_service.find(session, viewer, submission_id, lock=True)
    _check_question(assignments.definition(submission.assignment), number)
    ended = _end(session, viewer, submission.id, number)
    if ended is None:
        raise OverrideNotFound
    audit.record(session, viewer.login, "override.remove", f"{submission.id}/{number}", old=ended.score)
    session.flush()
    submissions.touch(session, submission.id)


def _check_question(assignment: Assignment, number: str) -> None:
    try:
        assignment.question(number)
    except KeyError:
        raise QuestionNotFound(f"{assignment.slug} has no question {number[:16]!r}.") from None


def _end(session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str) -> Override | None:
    active = repository.overrides(session, [submission_id]).get(submission_id, {}).get(number)
    if active is not None:
        active.ended_at = now()
        active.ended_by_id = viewer.user_id
        session.flush()
    return active
