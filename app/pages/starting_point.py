"""The attempt from which a form starts: its parts are carried over unless the form has new ones."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.submissions import repository, service
from grader.answers import AnswersError, read_answers
from grader.assignment import Assignment
from grader.parts import PartKind
from grader.submission import Part


@dataclass(frozen=True)
class CarriedPart:
    """A part of the attempt: its file name, if it has one, and its size in bytes."""

    filename: str | None
    size: int


@dataclass(frozen=True)
class StartingPoint:
    """An attempt of the viewer: its parts by name without those of answers, and its answers by question."""

    attempt: int
    submission: uuid.UUID
    parts: Mapping[str, CarriedPart]
    answers: Mapping[str, str]


def find(session: Session, viewer: Viewer, assignment: Assignment, attempt: int) -> StartingPoint:
    """The viewer's attempt of this number. Raises `SubmissionNotFound`."""
    submission = service.own_attempt(session, viewer, assignment.slug, attempt)
    kinds = {part.name: part.kind for part in assignment.parts}
    stored = [row for row in repository.parts(session, submission.id) if row.name in kinds]
    answer_parts = [row.name for row in stored if kinds[row.name] is PartKind.ANSWERS]
    answers: dict[str, str] = {}
    for _, _, data in repository.part_files(session, submission.id, answer_parts):
        # Assay stores only readable answers, but the rules of an earlier version may have been others.
        try:
            answers |= read_answers(data)
        except AnswersError:
            continue
    parts = {row.name: CarriedPart(row.filename, row.blob.size) for row in stored if row.name not in answer_parts}
    return StartingPoint(attempt, submission.id, parts, answers)


def load(session: Session, viewer: Viewer, slug: str, attempt: int, names: Collection[str]) -> dict[str, Part]:
    """These parts of the viewer's attempt, as far as it has them. Raises `SubmissionNotFound`."""
    submission = service.own_attempt(session, viewer, slug, attempt)
    rows = repository.part_files(session, submission.id, names)
    return {name: Part(data, filename) for name, filename, data in rows}
