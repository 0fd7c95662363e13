"""Which submissions a regrade covers."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment
from app.scores.models import StoredScore
from app.submissions.models import Run, State, Submission
from app.users.models import User
from grader.scoring import Verdict

Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Condition(BaseModel):
    """The submissions to regrade: those that meet everything that is set. Empty means every graded attempt.

    ``question``, ``verdict`` and ``message`` must hold together for one question of the submission.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Text | None = Field(default=None, description="Number of a question, e.g. 2.1.")
    verdict: Verdict | None = Field(default=None, description="Computed verdict of that question, or of any.")
    message: Text | None = Field(default=None, description="Id of a message in the student's report.")
    grader_version: Text | None = Field(default=None, description="Version of the grader that measured.")
    student: Text | None = Field(default=None, description="Login.")
    submitted_since: AwareDatetime | None = Field(default=None, description="Submitted at this time or later.")
    submitted_until: AwareDatetime | None = Field(default=None, description="Submitted before this time.")


def select_submissions(session: Session, slug: str, condition: Condition, questions: list[str]) -> list[uuid.UUID]:
    """The submissions of an assignment that meet the condition, oldest first.

    Only those that ended, graded or failed: what still runs is graded by the newest version anyway, and what was
    cancelled has nothing to score. When only some ``questions`` are regraded, the condition looks at those.
    """
    query = (
        select(Submission.id, Submission.submitted_at)
        .join(PublishedAssignment, PublishedAssignment.id == Submission.assignment_id)
        .where(PublishedAssignment.slug == slug, Submission.state.in_((State.GRADED, State.FAILED)))
        .order_by(Submission.submitted_at, Submission.id)
    )
    if condition.student is not None:
        query = query.join(User, User.id == Submission.user_id).where(User.login == condition.student)
    if condition.grader_version is not None:
        query = query.join(Run, Run.id == Submission.run_id).where(Run.grader_version == condition.grader_version)
    query = query.where(*_between(condition.submitted_since, condition.submitted_until))
    if condition.question is None and condition.verdict is None and condition.message is None:
        return [identifier for identifier, _ in session.execute(query)]
    scored = query.join(StoredScore, StoredScore.submission_id == Submission.id).add_columns(StoredScore.messages)
    numbers = [condition.question] if condition.question is not None else questions
    if numbers:
        scored = scored.where(StoredScore.question.in_(numbers))
    if condition.verdict is not None:
        scored = scored.where(StoredScore.verdict == condition.verdict)
    met = {
        identifier: None
        for identifier, _, messages in session.execute(scored)
        if condition.message is None or condition.message in (message["id"] for message in messages)
    }
    return list(met)


def _between(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    bounds = []
    if since is not None:
        bounds.append(Submission.submitted_at >= since)
    if until is not None:
        bounds.append(Submission.submitted_at < until)
    return bounds
