"""SQL that finds the uploads that are older than a course keeps them, and that nothing needs."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import column, exists, func, select, table
from sqlalchemy.orm import Session

from app.regrades.models import Regrade, RegradeEntry, RegradeState
from app.scores.models import Override, StoredScore
from app.submissions.models import Run, RunOutcome, State, Submission, SubmissionPart
from grader.scoring import Verdict

_ENDED = tuple(state for state in State if state.ended)
_REQUESTS = table("regrade_requests", column("submission_id"), column("state"))
"""The room of the requests stands above the workers', so their table is named and not imported."""


def expired(session: Session, before: datetime, limit: int) -> list[uuid.UUID]:
    """Submissions that ended before this time and have uploads that nobody needs, oldest first.

    A running or previewed regrade, an open regrade request, a run, and a question that waits for review need them.
    """
    ended_at = func.coalesce(Submission.finished_at, Submission.submitted_at)
    in_regrade = (
        exists()
        .where(RegradeEntry.submission_id == Submission.id, RegradeEntry.regrade_id == Regrade.id)
        .where(Regrade.state.in_((RegradeState.RUNNING, RegradeState.PREVIEW)))
    )
    is_asked = exists().where(_REQUESTS.c.submission_id == Submission.id, _REQUESTS.c.state == "open")
    runs = exists().where(Run.submission_id == Submission.id, Run.outcome == RunOutcome.RUNNING)
    is_decided = exists().where(
        Override.submission_id == StoredScore.submission_id,
        Override.question == StoredScore.question,
        Override.ended_at.is_(None),
    )
    waits = exists().where(
        StoredScore.submission_id == Submission.id, StoredScore.verdict == Verdict.NEEDS_REVIEW, ~is_decided
    )
    query = (
        select(Submission.id)
        .where(Submission.state.in_(_ENDED), ended_at < before)
        .where(exists().where(SubmissionPart.submission_id == Submission.id))
        .where(~in_regrade, ~is_asked, ~runs, ~waits)
        .order_by(ended_at, Submission.id)
        .limit(limit)
    )
    return list(session.scalars(query))
