"""All data of a class as JSON Lines, for analysis, archives and other systems."""

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
from app.scores.models import Override, OverrideKind
from app.scores.table import StudentRow
from app.submissions import repository as submissions

_CHUNK = 50
"""Submissions in one transaction: a slow reader of a long export must not hold one open."""


class AssignmentLine(BaseModel):
    """The first line: the assignment. A change of the format increases ``format``."""

    kind: Literal["assignment"] = "assignment"
    format: Literal[1] = 1
    slug: str
    version: int
    title: str
    max_score: float
    questions: dict[str, str]


class StudentLine(StudentRow):
    """One student as a row of the class table."""

    kind: Literal["student"] = "student"


class Decision(BaseModel):
    """A decision of a person on points, with the ids of its review items.

    ``ended_at`` is the time when it was removed or replaced.
    """

    question: str
    kind: OverrideKind
    items: list[int]
    score: float
    replaced: float
    reason: str
    by: str
    at: datetime
    ended_by: str | None
    ended_at: datetime | None


class SubmissionLine(Report):
    """One submission with its report. ``counts_for_student`` marks the attempt that counts."""

    kind: Literal["submission"] = "submission"
    counts_for_student: bool
    decisions: list[Decision]


def lines(database: Database, slug: str, language: str, section: str | None = None) -> Iterator[str]:
    """The lines with their newlines: the assignment, its students by login, its submissions oldest first.

    With a ``section`` only its students and their submissions.
    Raises `AssignmentNotFound` at the first line.
    """
    with database.read() as session:
        table = service.class_table(session, slug, section=section)
        head = _assignment(session, slug, language)
        members = {one.id for one in class_repository.people(session, slug) if section in (None, "", one.section)}
        ids = [row.id for row in class_repository.submissions(session, slug) if row.user_id in members]
    counting = {row.submission for row in table.rows}
    yield _line(head)
    for row in table.rows:
        yield _line(StudentLine(**row.model_dump()))
    for start in range(0, len(ids), _CHUNK):
        with database.read() as session:
            chunk = [_submission(session, one, counting, language) for one in ids[start : start + _CHUNK]]
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
        **building.build_report(session, submission, language, is_staff=True).model_dump(),
        counts_for_student=identifier in counting,
        decisions=[_decision(override) for override in scores.override_history(session, identifier)],
    )


def _decision(override: Override) -> Decision:
    return Decision(
        question=override.question,
        kind=override.kind,
        items=[item.id for item in override.items],
        score=override.score,
        replaced=override.replaced,
        reason=override.reason,
        by=override.by.login,
        at=override.at,
        ended_by=override.ended_by.login if override.ended_by else None,
        ended_at=override.ended_at,
    )


def _line(model: BaseModel) -> str:
    data: dict[str, Any] = model.model_dump(mode="json")
    kind = data.pop("kind")
    return json.dumps({"kind": kind, **data}, ensure_ascii=False, separators=(",", ":")) + "\n"
