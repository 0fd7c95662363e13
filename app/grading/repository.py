"""SQL of runs and their tries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.submissions.models import Cause, Run, RunOutcome, StoredEvidence, Submission, Try
from grader.version import GRADER_VERSION


def lock_submission(session: Session, submission_id: uuid.UUID) -> Submission | None:
    """A submission, locked until the transaction ends."""
    return session.scalar(select(Submission).where(Submission.id == submission_id).with_for_update())


def add_run(session: Session, row: Run) -> Run:
    """Begin the next run of a submission."""
    last = session.scalar(select(func.max(Run.number)).where(Run.submission_id == row.submission_id)) or 0
    row.number, row.grader_version = last + 1, GRADER_VERSION
    session.add(row)
    session.flush()
    return row


def add_try(session: Session, run: Run, executor: str) -> Try:
    """Begin a try at the phase of a run."""
    row = Try(run_id=run.id, phase=run.phase, executor=executor)
    session.add(row)
    session.flush()
    return row


def load_try(session: Session, try_id: int) -> Try:
    """A try."""
    return session.get_one(Try, try_id)


def running_try(session: Session, run_id: int) -> Try | None:
    """The try of a run that goes on."""
    return session.scalar(select(Try).where(Try.run_id == run_id, Try.outcome == RunOutcome.RUNNING))


def is_running(session: Session, try_id: int) -> bool:
    """Whether a try goes on."""
    return session.scalar(select(Try.outcome).where(Try.id == try_id)) is RunOutcome.RUNNING


def fault_causes(session: Session, run: Run) -> Sequence[Cause | None]:
    """The causes of the faults that ended tries at the phase of this run, also in earlier runs for the same purpose."""
    query = select(Try.cause).join(Run, Run.id == Try.run_id).where(Try.outcome == RunOutcome.FAULT)
    query = query.where(Try.phase == run.phase, Run.submission_id == run.submission_id)
    return session.scalars(query.where(Run.regrade_id.is_not_distinct_from(run.regrade_id))).all()


def latest_finished(session: Session, content_key: str) -> Run | None:
    """The latest finished run of a content."""
    query = select(Run).where(Run.content_key == content_key, Run.outcome == RunOutcome.FINISHED)
    return session.scalar(query.order_by(Run.id.desc()).limit(1))


def runs_of_evidence(session: Session, evidence_ids: Iterable[int]) -> list[int]:
    """The runs that stored these rows of evidence."""
    query = select(StoredEvidence.run_id).where(StoredEvidence.id.in_(evidence_ids)).distinct()
    return list(session.scalars(query))
