"""SQL over all that may have a job."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, SQLColumnExpression, func, or_, select
from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment
from app.db.base import now
from app.regrades.models import Regrade, RegradeState
from app.submissions.models import Run, State, Submission

UNFINISHED = (State.QUEUED, State.RUNNING)


def assignments_with_work(session: Session) -> list[PublishedAssignment]:
    """The versions of assignments that have unfinished submissions or a running regrade."""
    unfinished = select(Submission.assignment_id).where(Submission.state.in_(UNFINISHED))
    targets = select(Regrade.target_id).where(Regrade.state == RegradeState.RUNNING)
    query = select(PublishedAssignment).where(PublishedAssignment.id.in_(unfinished.union(targets)))
    return list(session.scalars(query))


def unfinished_submissions(session: Session, patience: timedelta) -> list[uuid.UUID]:
    """Submissions that have been waiting or running for so long."""
    begun = func.coalesce(Run.started_at, Submission.submitted_at)
    query = select(Submission.id).outerjoin(Run, Run.id == Submission.run_id)
    return list(session.scalars(query.where(Submission.state.in_(UNFINISHED), _is_old(begun, patience))))


def running_regrades(session: Session, patience: timedelta) -> list[uuid.UUID]:
    """Regrades that have been running for so long."""
    old = _is_old(Regrade.created_at, patience)
    return list(session.scalars(select(Regrade.id).where(Regrade.state == RegradeState.RUNNING, old)))


def _is_old(time: SQLColumnExpression[datetime], patience: timedelta) -> ColumnElement[bool]:
    """Whether a time is long past. A time in the future is that of a clock that was set back since."""
    moment = now()
    return or_(time < moment - patience, time > moment + patience)
