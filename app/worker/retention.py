"""Delete uploads that are older than a course keeps them. Evidence, points and texts of reports stay."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.submissions import upload_repository
from app.worker import retention_repository

ACTOR = "retention"
_BATCH = 100
"""Submissions at once: the chore stands between two heartbeats of a worker."""


def delete_expired(session: Session, days: int, moment: datetime) -> int:
    """Delete the uploads of up to a hundred submissions that ended so many days ago. Returns their number."""
    before = moment - timedelta(days=days)
    ids = retention_repository.expired(session, before, _BATCH)
    if ids:
        upload_repository.delete_uploads(session, ids, before)
        audit.record(session, ACTOR, "uploads.delete", "all", days=days, submissions=[str(one) for one in ids])
    return len(ids)
