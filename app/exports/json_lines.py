"""Everything that is known of a class, as JSON Lines: for analysis, archives, and leaving for another system."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.engine import Database
from app.language import text
from app.reports import building
from app.reports.schemas import Report
from app.scores import class_repository, service
from app.scores import repository as scores
from app.scores.models import Override
from app.scores.table import StudentRow
from app.submissions import repository as submissions

_AT_ONCE = 50
"""Hand-ins that are read in one transaction: a reader of a long export must not hold one open."""


class AssignmentLine(BaseModel):
    """The first line: what the points below are points of. ``format`` grows when a later version reads otherwise."""

    kind: Literal["assignment"] = "assignment"
    format: Literal[1] = 1
    slug: str
    version: int
    title: str
    max_score: float
    questions: dict[str, str]


class StudentLine(StudentRow):
    """One student, handed in or not, as the table of scores shows them."""

    kind: Literal["student"] = "student"


class Decision(BaseModel):
    """Points that a person gave; ``ended_at`` once they were taken back or given anew."""

    question: str
    score: float
    replaced: float
    reason: str
    by: str
    at: datetime
    ended_by: str | None
    ended_at: datetime | None


class SubmissionLine(Report):
    """One hand-in with its whole report. ``counts_for_student`` marks the attempt whose points count."""

    kind: Literal["submission"] = "submission"
    counts_for_student: bool
    decisions: list[Decision]


def lines(database: Database, slug: str, language: str) -> Iterator[str]:
    """The lines, each with its newline: the assignment, its students by login, its hand-ins oldest first.

    Raises `AssignmentNotFound` at the first one.
    """
    with database.read() as session:
        table = service.class_table(session, slug)
        head = _assignment(session, slug, language)
        every = [row.id for row in class_repository.submissions(session, slug)]
    counting = {row.submission for row in table.rows}
    yield _line(head)
    for row in table.rows:
        yield _line(StudentLine(**row.model_dump()))
    for start in range(0, len(every), _AT_ONCE):
        with database.read() as session:
            chunk = [
                _submission(session, identifier, counting, language) for identifier in every[start : start + _AT_ONCE]
            ]
        yield from map(_line, chunk)


def _assignment(session: Session, slug: str, language: str) -> AssignmentLine:
    current = assignments.definition(assignments.current(session, slug))
    return AssignmentLine(
        slug=current.slug,
        version=current.version,
        title=text(current.title, language),
        max_score=current.max_score,
        questions={question.number: text(question.title, language) for question in current.questions},
    )


def _submission(
    session: Session, identifier: uuid.UUID, counting: set[uuid.UUID | None], language: str
) -> SubmissionLine:
    submission = submissions.load(session, identifier)
    return SubmissionLine(
        **building.build_report(session, submission, language).model_dump(),
        counts_for_student=identifier in counting,
        decisions=[_decision(given) for given in scores.override_history(session, identifier)],
    )


def _decision(given: Override) -> Decision:
    return Decision(
        question=given.question,
        score=given.score,
        replaced=given.replaced,
        reason=given.reason,
        by=given.by.login,
        at=given.at,
        ended_by=given.ended_by.login if given.ended_by else None,
        ended_at=given.ended_at,
    )


def _line(model: BaseModel) -> str:
    data: dict[str, Any] = model.model_dump(mode="json")
    kind = data.pop("kind")
    return json.dumps({"kind": kind, **data}, ensure_ascii=False, separators=(",", ":")) + "\n"
