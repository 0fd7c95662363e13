"""Read drawn reviews a second time, and compare both decisions, in the caller's transaction.

A second reading changes no points. An ordinary decision on the question settles a difference; it is audited, and when
it is undone the difference is open again.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.problems import Conflict
from app.scores import repository as score_repository
from app.scores import service as scores
from app.scores.class_records import ClassSnapshot
from app.scores.models import Override
from app.scores.review_key import service as review_key
from app.scores.second_readings import repository
from app.scores.second_readings.models import SecondReading
from app.scores.standing import QuestionStanding
from app.submissions import service as submissions
from app.submissions.models import Submission


class NotToRead(Conflict):
    """This question is not among those that you read a second time: not drawn, read already, or decided by you."""

    slug = "not-to-read"


@dataclass(frozen=True)
class Comparison:
    """Both decisions on a question, and the one that stands now; without it the computed points count."""

    reading: SecondReading
    student: str
    now: Override | None

    @property
    def differs(self) -> bool:
        """Whether both graders give other points."""
        return self.reading.score != self.reading.first.score

    @property
    def is_open(self) -> bool:
        """Whether nobody decided on the question since, though both differ."""
        return self.differs and self.now is not None and self.now.id == self.reading.first_id


def to_read(session: Session, viewer: Viewer, snapshot: ClassSnapshot) -> tuple[tuple[uuid.UUID, str], ...]:
    """The questions that this grader may read a second time, in the attempts that count."""
    percent = snapshot.assignment.review.second_reading_percent
    if not percent:
        return ()
    is_drawn = review_key.draws(session, percent)
    counting = {
        ((cell.source or attempt).submission, number)
        for attempt in snapshot.graded
        for number, cell in attempt.cells.items()
    }
    return tuple(
        (row.submission_id, row.question)
        for row in repository.unread(session, snapshot.assignment.slug)
        if (row.submission_id, row.question) in counting
        and viewer.user_id not in (row.by_id, row.user_id)
        and is_drawn(row.submission_id, row.question)
    )


def save(
    session: Session, viewer: Viewer, submission_id: uuid.UUID, number: str, *, score: float | None, note: str
) -> SecondReading:
    """Store what this grader would give: ``score``, or the computed points. No points change.

    Raises `SubmissionNotFound`, `OwnScore`, `QuestionNotFound`, `PointsOutOfRange` or `NotToRead`.
    """
    submission = submissions.find(session, viewer, submission_id, lock=True)
    scores.check_not_own(viewer, submission.user_id)
    current = scores.standing(session, submission, number)
    first, computed = current.override, current.computed
    if first is None or computed is None or first.by_id == viewer.user_id:
        raise NotToRead
    if repository.get(session, submission_id, number) or not _is_drawn(session, submission, current):
        raise NotToRead
    score = computed.score if score is None else score
    scores.check_points(current.question, score)
    reading = SecondReading(
        submission_id=submission_id, question=number, first_id=first.id, score=score, note=note, by_id=viewer.user_id
    )
    session.add(reading)
    session.flush()
    audit.record(session, viewer.login, "second_reading.save", f"{submission_id}/{number}", score=score, note=note)
    return reading


def comparisons(session: Session, slug: str) -> list[Comparison]:
    """The second readings of an assignment: open differences first, then the newest first."""
    rows = repository.of_assignment(session, slug)
    active = score_repository.overrides(session, [reading.submission_id for reading, _ in rows])
    compared = [
        Comparison(reading, student, active.get(reading.submission_id, {}).get(reading.question))
        for reading, student in rows
    ]
    return sorted(compared, key=lambda one: (not one.is_open, not one.differs))


def _is_drawn(session: Session, submission: Submission, current: QuestionStanding) -> bool:
    rules = assignments.current_definition(session, submission.assignment.slug).review
    is_drawn = review_key.draws(session, rules.second_reading_percent)
    return is_drawn(submission.id, current.question.number)
