"""API schemas of regrade requests."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.regrade_requests.models import RegradeRequest, RequestState

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
"""A text that is not empty and has no NUL, which PostgreSQL does not store."""


class NewRequest(BaseModel):
    """The reason for a regrade of the question."""

    model_config = ConfigDict(extra="forbid")

    reason: Words


class NewAnswer(BaseModel):
    """The answer to the student. With ``score`` the points are set by hand, without it they stay."""

    model_config = ConfigDict(extra="forbid")

    answer: Words
    score: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None


class RequestView(BaseModel):
    """A request, with the points at its time (``points_before``) and at its answer (``points_after``).

    While the question's result is withheld from the reader, there are no points, and an answer waits as well.
    """

    id: int
    submission: uuid.UUID
    assignment: str
    student: str
    attempt: int
    question: str
    state: RequestState
    reason: str
    asked_at: datetime
    points_before: float | None
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None
    points_after: float | None

    @classmethod
    def of(cls, row: RegradeRequest) -> RequestView:
        """The view of a row."""
        return cls(
            id=row.id,
            submission=row.submission_id,
            assignment=row.submission.assignment.slug,
            student=row.submission.user.login,
            attempt=row.submission.attempt,
            question=row.question,
            state=row.state,
            reason=row.reason,
            asked_at=row.asked_at,
            points_before=row.points_before,
            answer=row.answer,
            answered_by=row.answered_by.login if row.answered_by else None,
            answered_at=row.answered_at,
            points_after=row.points_after,
        )
