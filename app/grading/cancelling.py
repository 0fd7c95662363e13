"""Cancelling a grading."""

from __future__ import annotations

import uuid

from sqlalchemy.orm import Session

from app.audit import service as audit
from app.auth.viewer import Viewer
from app.db.base import now
from app.grading import ending
from app.problems import Conflict
from app.submissions import repository
from app.submissions import service as submissions
from app.submissions.models import Phase, RunOutcome, State, Submission


class AlreadyEnded(Conflict):
    """The grading has ended and cannot be cancelled."""

    slug = "already-ended"


def cancel(session: Session, viewer: Viewer, submission_id: uuid.UUID) -> Submission:
    """Stop the grading, and keep its points once every verdict is in; see `ending.cancel`. Raises `AlreadyEnded`.

    It stops within moments while a worker is at the verdicts, else at once.
    """
    submission = submissions.find(session, viewer, submission_id, lock=True)
    curve_stopped = submission.state is State.GRADED and submission.cancel_requested_at is not None
    if submission.state is State.CANCELLED or curve_stopped:
        return submission
    if submission.state.ended:
        raise AlreadyEnded
    if submission.cancel_requested_at is None:
        submission.cancel_requested_at = now()
        audit.record(session, viewer.login, "submission.cancel", str(submission.id))
    run = repository.run(session, submission.run_id)
    at_verdicts = run is not None and (run.outcome, run.phase) == (RunOutcome.RUNNING, Phase.FIRST)
    if submission.state is State.RUNNING and at_verdicts:
        session.flush()
        repository.touch(session, submission.id)
    else:
        ending.cancel(session, submission)
    return submission
