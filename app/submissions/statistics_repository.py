"""SQL of the figures that admins and monitoring watch: submissions by state, and runs that ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.submissions.models import Phase, Run, RunOutcome, State, StoredEvidence, Submission, Try


def count(session: Session) -> int:
    """The number of submissions."""
    return session.scalar(select(func.count()).select_from(Submission)) or 0


def count_by_state(session: Session) -> dict[State, int]:
    """The number of submissions in each state that any of them has."""
    return dict(session.execute(select(Submission.state, func.count()).group_by(Submission.state)).all())


def oldest_queued(session: Session) -> datetime | None:
    """When the submission that waits longest was submitted; ``None`` when none waits."""
    return session.scalar(select(func.min(Submission.submitted_at)).where(Submission.state == State.QUEUED))


def count_waiting_for_later_stage(session: Session) -> int:
    """The number of runs whose first stage is done and whose later stage waits."""
    query = select(func.count()).select_from(Submission).join(Run, Run.id == Submission.run_id)
    query = query.where(Submission.state == State.RUNNING, Run.phase == Phase.LATER)
    is_tried = select(Try.id).where(Try.run_id == Run.id, Try.outcome == RunOutcome.RUNNING).exists()
    return session.scalar(query.where(~is_tried)) or 0


def count_running_by_executor(session: Session) -> dict[str, int]:
    """The number of tries that each worker has begun and not ended."""
    query = select(Try.executor, func.count()).where(Try.outcome == RunOutcome.RUNNING)
    return dict(session.execute(query.group_by(Try.executor)).all())


def finished_since(session: Session, moment: datetime) -> list[Run]:
    """The runs that finished at or after this time, in that order."""
    return list(session.scalars(select(Run).where(Run.finished_at >= moment).order_by(Run.finished_at)))


def first_verdict_seconds(session: Session, runs: Collection[int]) -> list[tuple[str, float]]:
    """Each question that these runs gave a verdict, and the seconds from the submission to it."""
    first = func.min(StoredEvidence.measured_at)
    query = select(StoredEvidence.question, Submission.submitted_at, first)
    query = query.join(Submission, StoredEvidence.submission_id == Submission.id)
    query = query.where(StoredEvidence.run_id.in_(runs))
    query = query.group_by(StoredEvidence.run_id, StoredEvidence.question, Submission.submitted_at)
    return [(question, (at - submitted).total_seconds()) for question, submitted, at in session.execute(query)]


def last_outcomes(session: Session, runs: Collection[int]) -> Sequence[tuple[str | None, str | None]]:
    """Outcome and fault of the last evidence of every question of these runs."""
    last = select(func.max(StoredEvidence.id)).where(StoredEvidence.run_id.in_(runs))
    last = last.group_by(StoredEvidence.run_id, StoredEvidence.question)
    data = StoredEvidence.data
    query = select(data["outcome"].as_string(), data["fault"].as_string()).where(StoredEvidence.id.in_(last))
    return [(outcome, fault) for outcome, fault in session.execute(query)]
