"""SQL of runs as they begin and end."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.submissions.models import Submission


def lock_submission(session: Session, submission_id: uuid.UUID) -> Submission | None:
    """A submission, locked until the transaction ends."""
    return session.scalar(select(Submission).where(Submission.id == submission_id).with_for_update())
