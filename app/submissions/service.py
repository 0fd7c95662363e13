"""Reading submissions, waiting for them, cancelling them."""

from __future__ import annotations

import base64
import binascii
import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.db.base import now
from app.jobs import ending
from app.problems import Conflict, NotFound, Unprocessable
from app.scores.standing import Sheets
from app.submissions import report as reports
from app.submissions import repository
from app.submissions.models import RunOutcome, State, Submission
from app.submissions.schemas import Report, SubmissionPage, SubmissionRow


class SubmissionNotFound(NotFound):
    """There is no such submission."""

    slug = "submission-not-found"


class PartNotFound(NotFound):
    """This part was not handed in."""

    slug = "part-not-found"


class AlreadyEnded(Conflict):
    """The grading has ended; there is nothing left to cancel."""

    slug = "already-ended"


class UnknownCursor(Unprocessable):
    """The cursor is not one that this service gave out."""

    slug = "unknown-cursor"


def find(session: Session, viewer: Viewer, submission_id: uuid.UUID, *, lock: bool = False) -> Submission:
    """The submission if this viewer may see it. Raises `SubmissionNotFound`, also for another student's."""
    submission = repository.get(session, viewer, submission_id, lock=lock)
    if submission is None:
        raise SubmissionNotFound
    return submission


def report(session: Session, viewer: Viewer, submission_id: uuid.UUID, language: str) -> Report:
    """The report of a submission. Raises `SubmissionNotFound`."""
    return reports.build(session, find(session, viewer, submission_id), language)


def history(
    session: Session,
    viewer: Viewer,
    *,
    assignment: str | None = None,
    student: str | None = None,
    state: State | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> SubmissionPage:
    """Submissions that the viewer may see, newest first. Raises `UnknownCursor`."""
    before = _position(cursor) if cursor is not None else None
    found = repository.page(
        session, viewer, assignment=assignment, student=student, state=state, before=before, limit=limit + 1
    )
    shown = found[:limit]
    sheets = Sheets(session, [submission.id for submission in shown])
    last = shown[-1] if len(found) > limit else None
    return SubmissionPage(
        items=[row(submission, sheets) for submission in shown], next_cursor=_cursor(last) if last else None
    )


def row(submission: Submission, sheets: Sheets) -> SubmissionRow:
    """A submission as a row of a list."""
    assignment = assignments.definition(submission.assignment)
    sheet = sheets.sheet(submission.id, assignment)
    return SubmissionRow(
        id=submission.id,
        assignment=assignment.slug,
        student=submission.user.login,
        submitted_at=submission.submitted_at,
        state=submission.state,
        attempt=submission.attempt,
        score=sheet.score,
        max_score=sheet.max_score,
        late=sheet.late is not None,
        needs_review=sheet.needs_review,
    )


def part(session: Session, viewer: Viewer, submission_id: uuid.UUID, name: str) -> tuple[str | None, str, bytes]:
    """An uploaded part: its file name, SHA-256 and bytes as sent. Raises `SubmissionNotFound` or `PartNotFound`."""
    for found in repository.parts(session, find(session, viewer, submission_id).id):
        if found.name == name:
            return found.filename, found.blob_sha256, repository.blob(session, found.blob_sha256)
    raise PartNotFound(f"The part {name[:60]} was not handed in.")


def picture(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> tuple[str, bytes]:
    """The re-encoded pruning plot: its SHA-256 and bytes. Raises `SubmissionNotFound` or `PartNotFound`."""
    run = repository.run(session, find(session, viewer, submission_id).run_id)
    if run is None or run.picture_sha256 is None:
        raise PartNotFound("There is no checked picture of this submission.")
    return run.picture_sha256, repository.blob(session, run.picture_sha256)


def artefact(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> tuple[str, bytes]:
    """The model as ONNX: its SHA-256 and bytes. Raises `SubmissionNotFound` or `PartNotFound`."""
    run = repository.run(session, find(session, viewer, submission_id).run_id)
    if run is None or run.artefact_sha256 is None:
        raise PartNotFound("The model of this submission was not exported.")
    return run.artefact_sha256, repository.blob(session, run.artefact_sha256)


def cancel(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> Submission:
    """Stop the grading, and keep its points once every verdict is in; see `ending.cancel`. Raises `AlreadyEnded`.

    It stops within moments while a worker is at the verdicts, else at once.
    """
    submission = find(session, viewer, submission_id, lock=True)
    curve_stopped = submission.state is State.GRADED and submission.cancel_requested_at is not None
    if submission.state is State.CANCELLED or curve_stopped:
        return submission
    if submission.state.ended:
        raise AlreadyEnded
    if submission.cancel_requested_at is None:
        submission.cancel_requested_at = now()
        audit.record(session, viewer.login, "submission.cancel", str(submission.id))
    run = repository.run(session, submission.run_id)
    at_verdicts = submission.state is State.RUNNING and run is not None and run.outcome is RunOutcome.RUNNING
    if at_verdicts:
        session.flush()
        repository.touch(session, submission.id)
    else:
        ending.cancel(session, submission)
    return submission


def _cursor(submission: Submission) -> str:
    position = f"{submission.submitted_at.isoformat()} {submission.id.hex}"
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, identifier = text.partition(" ")
        position = datetime.fromisoformat(at), uuid.UUID(identifier)
    except (ValueError, binascii.Error):
        raise UnknownCursor from None
    if position[0].tzinfo is None:
        raise UnknownCursor
    return position
