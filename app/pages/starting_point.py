"""The attempt from which a form starts: its parts are carried over unless the form has new ones."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.problems import Unprocessable
from app.submissions import repository, service
from grader.answers import AnswersError, read_answers
from grader.assignment import Assignment
from grader.evidence import Observation
from grader.intake import encoding
from grader.parts import PartKind
from grader.submission import Part

_MOST_EDITED_BYTES = 256 << 10
"""Browsers become slow in a text area with more."""


class NotEditable(Unprocessable):
    """This part is no text that can be edited here. Paste or choose its new version."""

    slug = "not-editable"


@dataclass(frozen=True)
class CarriedPart:
    """A part of the attempt: its file name, if it has one, and its size in bytes."""

    filename: str | None
    size: int

    @property
    def is_editable(self) -> bool:
        """Whether its text may be edited in the form, if it is a text. A notebook is none."""
        is_notebook = (self.filename or "").lower().endswith(".ipynb")
        return self.size <= _MOST_EDITED_BYTES and not is_notebook


@dataclass(frozen=True)
class StartingPoint:
    """An attempt of the viewer: its parts by name without those of answers, and its answers by question.

    ``texts`` are the parts that are edited in the form instead of carried over.
    """

    attempt: int
    submission: uuid.UUID
    parts: Mapping[str, CarriedPart]
    answers: Mapping[str, str]
    texts: Mapping[str, str]


def find(
    session: Session, viewer: Viewer, assignment: Assignment, attempt: int, edited: str | None = None
) -> StartingPoint:
    """The viewer's attempt of this number, with the text of the part to edit.

    Raises `SubmissionNotFound`, and `NotEditable` for a part that the attempt does not have as a text.
    """
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
    texts = {} if edited is None else {edited: _text(session, submission.id, edited, parts.get(edited))}
    return StartingPoint(attempt, submission.id, parts, answers, texts)


def _text(session: Session, submission_id: uuid.UUID, name: str, part: CarriedPart | None) -> str:
    if part is None or not part.is_editable:
        raise NotEditable
    ((_, _, data),) = repository.part_files(session, submission_id, [name])
    decoded = encoding.decode(data)
    if isinstance(decoded, Observation):
        raise NotEditable
    return decoded.text


def load(session: Session, viewer: Viewer, slug: str, attempt: int, names: Collection[str]) -> dict[str, Part]:
    """These parts of the viewer's attempt, as far as it has them. Raises `SubmissionNotFound`."""
    submission = service.own_attempt(session, viewer, slug, attempt)
    rows = repository.part_files(session, submission.id, names)
    return {name: Part(data, filename) for name, filename, data in rows}
