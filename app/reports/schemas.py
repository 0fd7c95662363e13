"""API schemas of submissions: the report of the contract, and the rows of lists."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from app.scores.models import OverrideKind
from app.submissions.models import State
from grader.evidence import Fault
from grader.parts import PartKind
from grader.scoring import Verdict


class MessageView(BaseModel):
    """A message: its id in the catalogue, and its text in the reader's language."""

    id: str
    text: str


class GivenItemView(BaseModel):
    """A review item of a decision: its text in the reader's language, and the points that it takes off."""

    id: int
    text: str
    deduction: float


class OverrideView(BaseModel):
    """The decision of a person on the points; ``text`` says it in the reader's language, ``reason`` may be empty.

    A decision by review items has them in ``items``; its points are the full ones less their deductions.
    """

    kind: OverrideKind
    items: list[GivenItemView]
    score: float
    by: str
    reason: str
    at: datetime
    text: str


class CommentView(BaseModel):
    """A comment of a grader on a question; it changes no points."""

    id: int
    text: str
    by: str
    at: datetime


class Regraded(BaseModel):
    """A regrade changed the points from ``old`` to ``new``; null where the question was not there."""

    old: float | None
    new: float | None
    at: datetime


class QuestionReport(BaseModel):
    """One question: its points, messages and evidence. With an override, ``score`` is the override's.

    With the verdict ``withheld``, students read the result later: ``score`` is null and ``evidence`` empty until then.
    ``revision`` is for forms of the pages and not part of the API.
    """

    number: str
    title: str
    score: float | None
    max_score: float
    verdict: Verdict
    fault: Fault | None
    messages: list[MessageView]
    evidence: dict[str, Any]
    override: OverrideView | None
    regraded: Regraded | None = None
    comments: list[CommentView] = Field(default_factory=list)
    revision: str = Field(default="", exclude=True)


class CancelEffect(StrEnum):
    """The effect of cancelling a grading now."""

    ATTEMPT_RETURNED = "attempt_returned"
    ATTEMPT_SPENT = "attempt_spent"
    GRADED_WITHOUT_CURVE = "graded_without_curve"


class ProgressView(BaseModel):
    """The current stage of the grading. ``total`` is 0 for a stage without countable steps.

    ``interim`` has, by question, fields of its evidence while they are measured, such as the first points of a curve.
    """

    stage: str
    done: int
    total: int
    interim: dict[str, dict[str, Any]] = Field(default_factory=dict)


class PartView(BaseModel):
    """An uploaded part: its title and kind in the assignment, ``size`` in bytes."""

    name: str
    title: str
    kind: PartKind
    filename: str | None
    size: int
    sha256: str


class LateView(BaseModel):
    """A submission after the student's ``deadline``: the ``earned`` points lose ``percent``; ``text`` explains it."""

    deadline: datetime
    days: int
    percent: float
    earned: float
    text: str


class _SubmissionHead(BaseModel):
    """The fields that a report and a row of a list share.

    ``withheld``: a question's result is told later, so that ``score`` is the total of the others so far.
    """

    id: uuid.UUID
    assignment: str
    student: str
    submitted_at: datetime
    state: State
    attempt: int
    score: float
    max_score: float
    withheld: bool


class Report(_SubmissionHead):
    """A submission with all its results so far.

    ``score`` is the sum of the points so far, less the deduction for a ``late`` submission. ``notes`` concern the
    submission as a whole. ``timings`` are seconds: by stage, ``queued``, and ``questions`` up to each first verdict.
    ``fault`` is the cause of the failure of a submission that ``failed``. ``cancel_effect`` is null after the
    end of the grading.
    """

    late: LateView | None
    notes: list[MessageView]
    needs_review: bool
    fault: Fault | None
    questions: list[QuestionReport]
    progress: ProgressView | None
    cancel_effect: CancelEffect | None
    parts: list[PartView]
    picture: str | None = Field(description="Address of the re-encoded pruning plot, if there is one.")
    assignment_version: int
    grader_version: str
    sandbox: dict[str, Any]
    timings: dict[str, Any]
    finished_at: datetime | None


class SubmissionRow(_SubmissionHead):
    """A submission in a list."""

    late: bool
    needs_review: bool


class SubmissionPage(BaseModel):
    """Submissions, newest first. ``next_cursor`` fetches the following ones."""

    items: list[SubmissionRow]
    next_cursor: str | None
