"""SQL that deletes what students uploaded and leaves their results."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from app.submissions.models import Blob, Run, SubmissionPart

_NO_SYNC = {"synchronize_session": False}
NO_DIGEST = "0" * 64
"""In the place of a digest of bytes that are gone."""


def has_uploads(session: Session, submission_id: uuid.UUID) -> bool:
    """Whether the parts of a submission are still there."""
    return session.scalar(select(exists().where(SubmissionPart.submission_id == submission_id))) or False


def delete_uploads(session: Session, ids: Collection[uuid.UUID], stored_before: datetime | None = None) -> None:
    """Delete the parts and the files of the runs of these submissions, and those bytes that nothing refers to then.

    With ``stored_before``, newer bytes stay: somebody may be about to refer to them.
    """
    digests = set(session.scalars(select(SubmissionPart.blob_sha256).where(SubmissionPart.submission_id.in_(ids))))
    for column in (Run.picture_sha256, Run.artefact_sha256):
        digests |= {digest for digest in session.scalars(select(column).where(Run.submission_id.in_(ids))) if digest}
    session.execute(delete(SubmissionPart).where(SubmissionPart.submission_id.in_(ids)), execution_options=_NO_SYNC)
    # An equal upload must be measured anew: these runs have no files that it could take over.
    cleared = {"picture_sha256": None, "artefact_sha256": None, "content_key": NO_DIGEST}
    session.execute(update(Run).where(Run.submission_id.in_(ids)).values(cleared), execution_options=_NO_SYNC)
    references = (SubmissionPart.blob_sha256, Run.picture_sha256, Run.artefact_sha256)
    conditions = [Blob.sha256.in_(digests), *(~exists().where(reference == Blob.sha256) for reference in references)]
    if stored_before is not None:
        conditions.append(Blob.stored_at < stored_before)
    session.execute(delete(Blob).where(*conditions), execution_options=_NO_SYNC)
