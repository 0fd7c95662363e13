"""SQL of sources: which code parts an assignment has, and their bytes."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment
from app.submissions.models import Blob, Submission, SubmissionPart


def parts(session: Session, slug: str, names: Collection[str]) -> list[tuple[uuid.UUID, str]]:
    """The parts with these names of an assignment's submissions: the submission and the SHA-256 of the bytes."""
    query = (
        select(SubmissionPart.submission_id, SubmissionPart.blob_sha256)
        .join(Submission)
        .join(PublishedAssignment)
        .where(PublishedAssignment.slug == slug, SubmissionPart.name.in_(names))
    )
    return [(submission, digest) for submission, digest in session.execute(query)]


def contents(session: Session, digests: Sequence[str]) -> list[tuple[str, bytes]]:
    """The bytes with these SHA-256s."""
    query = select(Blob.sha256, Blob.data).where(Blob.sha256.in_(digests))
    return [(digest, data) for digest, data in session.execute(query)]
