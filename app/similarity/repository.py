"""SQL of sources and pictures: which code parts an assignment has, their bytes, and what is known of its plots."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.assignments.models import PublishedAssignment
from app.scores.models import StoredScore
from app.submissions.models import Blob, StoredEvidence, Submission, SubmissionPart


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


@dataclass(frozen=True)
class PictureRow:
    """What the evidence says about the picture of one submission."""

    submission_id: uuid.UUID
    sha256: str
    fingerprint: str | None
    is_unclear: bool


def pictures(session: Session, slug: str, number: str) -> list[PictureRow]:
    """The usable pictures of a question in an assignment's submissions, by the evidence that counts."""
    query = (
        select(StoredScore.submission_id, StoredEvidence.data["picture"].label("picture"))
        .join(StoredEvidence, StoredEvidence.id == StoredScore.evidence_id)
        .join(Submission, Submission.id == StoredScore.submission_id)
        .join(PublishedAssignment)
        .where(PublishedAssignment.slug == slug, StoredScore.question == number)
    )
    return [
        PictureRow(
            submission,
            picture["sha256"],
            picture.get("fingerprint"),
            bool(picture.get("blank") or picture.get("doubtful")),
        )
        for submission, picture in session.execute(query)
        if picture
    ]
