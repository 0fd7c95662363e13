"""SQL of runs as they begin and end."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.submissions.models import Run, RunOutcome, StoredEvidence, Submission
from grader.version import GRADER_VERSION


def submission(session: Session, submission_id: uuid.UUID) -> Submission:
    """A submission."""
    return session.get_one(Submission, submission_id)


def lock_submission(session: Session, submission_id: uuid.UUID) -> Submission | None:
    """A submission, locked until the transaction ends."""
    return session.scalar(select(Submission).where(Submission.id == submission_id).with_for_update())


def run(session: Session, run_id: int) -> Run:
    """A run."""
    return session.get_one(Run, run_id)


def fresh_run(session: Session, run_id: int) -> Run | None:
    """A run as the database has it now, also if the session has read it before."""
    return session.get(Run, run_id, populate_existing=True)


def add_run(
    session: Session,
    submission_id: uuid.UUID,
    assignment_id: int,
    content_key: str,
    executor: str,
    regrade_id: uuid.UUID | None = None,
) -> Run:
    """Begin the next run of a submission."""
    number = session.scalar(select(func.max(Run.number)).where(Run.submission_id == submission_id)) or 0
    row = Run(
        submission_id=submission_id,
        number=number + 1,
        assignment_id=assignment_id,
        grader_version=GRADER_VERSION,
        content_key=content_key,
        executor=executor,
        regrade_id=regrade_id,
    )
    session.add(row)
    session.flush()
    return row


def running(session: Session, *conditions: ColumnElement[bool]) -> list[Run]:
    """The runs that meet the conditions and have not ended."""
    return list(session.scalars(select(Run).where(*conditions, Run.outcome == RunOutcome.RUNNING)))


def fault_details(session: Session, *conditions: ColumnElement[bool]) -> list[str | None]:
    """The details of the faults that ended runs which meet the conditions."""
    return list(session.scalars(select(Run.fault_detail).where(*conditions, Run.outcome == RunOutcome.FAULT)))


def latest_finished(session: Session, content_key: str) -> int | None:
    """The latest finished run of a content."""
    query = select(Run.id).where(Run.content_key == content_key, Run.outcome == RunOutcome.FINISHED)
    return session.scalar(query.order_by(Run.id.desc()).limit(1))


def runs_of_evidence(session: Session, evidence_ids: Iterable[int]) -> list[int]:
    """The runs that stored these rows of evidence."""
    query = select(StoredEvidence.run_id).where(StoredEvidence.id.in_(evidence_ids)).distinct()
    return list(session.scalars(query))
