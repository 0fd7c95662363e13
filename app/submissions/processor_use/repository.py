"""SQL of processor time."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app.submissions.models import Submission
from app.submissions.processor_use.models import ProcessorUse


def add(session: Session, submission_id: uuid.UUID, seconds: float) -> None:
    """Store what a stage of this submission's grading used."""
    session.add(ProcessorUse(user_id=session.get_one(Submission, submission_id).user_id, seconds=seconds))


def seconds_since(session: Session, submission_id: uuid.UUID, since: datetime) -> float:
    """The processor seconds that all gradings of this submission's student used since then."""
    student = select(Submission.user_id).where(Submission.id == submission_id).scalar_subquery()
    total = select(func.sum(ProcessorUse.seconds)).where(ProcessorUse.user_id == student, ProcessorUse.at > since)
    return session.scalar(total) or 0.0


def forget(session: Session, before: datetime) -> None:
    """Delete what is older."""
    session.execute(delete(ProcessorUse).where(ProcessorUse.at < before))
