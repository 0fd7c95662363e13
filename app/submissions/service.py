"""Find submissions and the files that belong to them, for viewers who may see them."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.problems import NotFound
from app.submissions import repository
from app.submissions.models import Submission


class SubmissionNotFound(NotFound):
    """There is no such submission."""

    slug = "submission-not-found"


class PartNotFound(NotFound):
    """This part was not submitted."""

    slug = "part-not-found"


def find(session: Session, viewer: Viewer, submission_id: uuid.UUID, *, lock: bool = False) -> Submission:
    """The submission if this viewer may see it. Raises `SubmissionNotFound`, also for another student's."""
    submission = repository.get(session, viewer, submission_id, lock=lock)
    if submission is None:
        raise SubmissionNotFound
    return submission


def own_attempt(session: Session, viewer: Viewer, slug: str, attempt: int) -> Submission:
    """The viewer's own attempt at an assignment with this number. Raises `SubmissionNotFound`."""
    submission = repository.by_attempt(session, viewer.user_id, slug, attempt)
    if submission is None:
        raise SubmissionNotFound
    return submission


def part(session: Session, viewer: Viewer, submission_id: uuid.UUID, name: str) -> tuple[str | None, str, bytes]:
    """An uploaded part: its file name, SHA-256 and bytes as sent. Raises `SubmissionNotFound` or `PartNotFound`."""
    for row in repository.parts(session, find(session, viewer, submission_id).id):
        if row.name == name:
            return row.filename, row.blob_sha256, repository.blob(session, row.blob_sha256)
    raise PartNotFound(f"The part {name[:60]} was not submitted.")


def picture(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> tuple[str, bytes]:
    """The re-encoded pruning plot: its SHA-256 and bytes. Raises `SubmissionNotFound` or `PartNotFound`."""
    run = repository.run(session, find(session, viewer, submission_id).run_id)
    if run is None or run.picture_sha256 is None:
        raise PartNotFound("This submission has no stored plot.")
    return run.picture_sha256, repository.blob(session, run.picture_sha256)


def artefact(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> tuple[str, bytes]:
    """The model as ONNX: its SHA-256 and bytes. Raises `SubmissionNotFound` or `PartNotFound`."""
    run = repository.run(session, find(session, viewer, submission_id).run_id)
    if run is None or run.artefact_sha256 is None:
        raise PartNotFound("The model of this submission was not exported.")
    return run.artefact_sha256, repository.blob(session, run.artefact_sha256)
