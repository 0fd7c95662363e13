"""The assignments on a student's start page: deadline, score so far, and the questions that are open."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.api.assignments import AssignmentView
from app.assignments import service as assignments
from app.auth import access
from app.auth.viewer import Viewer
from app.reports import service as reports
from app.reports.schemas import SubmissionPage
from app.scores import class_cache, withholding
from app.submissions.models import State
from grader.scoring import Verdict

ATTEMPTS_A_PAGE = 25


@dataclass(frozen=True)
class CountingAttempt:
    """The attempt of a person that counts, as its viewer reads it.

    ``score`` is ``None`` before it is graded. ``open_questions`` are numbers by verdict, without those that have full
    points; see `class_records.with_latest_answers` for answers that count from a later attempt.
    """

    id: uuid.UUID
    attempt: int
    state: State
    score: float | None
    max_score: float
    is_withheld: bool
    open_questions: Mapping[Verdict, Sequence[str]]


@dataclass(frozen=True)
class AssignmentRow:
    """An assignment, and the attempt of the viewer that counts."""

    view: AssignmentView
    counting: CountingAttempt | None


def rows(session: Session, viewer: Viewer, views: Sequence[AssignmentView]) -> list[AssignmentRow]:
    """A row for each assignment."""
    return [AssignmentRow(view, counting(session, viewer, viewer.user_id, view.slug)) for view in views]


def attempts(session: Session, viewer: Viewer, slug: str, cursor: str | None = None) -> SubmissionPage:
    """A page of the viewer's own attempts, newest first. Raises `UnknownCursor`."""
    return reports.list_submissions(
        session, viewer, assignment=slug, student=viewer.login, cursor=cursor, limit=ATTEMPTS_A_PAGE
    )


def counting(session: Session, viewer: Viewer, user_id: int, slug: str) -> CountingAttempt | None:
    """The attempt of a person that counts, without results that are withheld from the viewer."""
    attempt = class_cache.counting_of(session, user_id, slug)
    if attempt is None:
        return None
    definition = assignments.current_definition(session, slug)
    told = attempt.told(withholding.withheld(session, definition, is_staff=access.is_staff_of(viewer, slug)))
    numbers: dict[Verdict, list[str]] = defaultdict(list)
    for number, cell in attempt.cells.items():
        # That nothing was submitted is no result.
        is_missing = cell.verdict is Verdict.NOT_SUBMITTED
        numbers[cell.verdict if is_missing else told.cells[number].verdict].append(number)
    return CountingAttempt(
        id=attempt.submission,
        attempt=attempt.number,
        state=attempt.state,
        score=told.score if attempt.state is State.GRADED else None,
        max_score=sum(cell.max_score for cell in attempt.cells.values()),
        is_withheld=Verdict.WITHHELD in numbers,
        open_questions={kind: numbers[kind] for kind in Verdict if kind in numbers and kind is not Verdict.FULL},
    )
