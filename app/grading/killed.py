"""Children of the sandbox that SIGKILL ended: the signal may come from outside, so it must repeat itself."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.db.engine import Database
from app.grading import repository
from app.submissions.models import Run, RunOutcome
from grader.evidence import Evidence
from grader.sandbox.replies import InfrastructureFault

DETAIL = "The worker's sandbox lost a child to SIGKILL."
"""Counts as the death of a worker, not as a failure: see `app.grading.failures`."""
KILLS_TO_CONFIRM = 2


def require_repeated_kill(database: Database, run_id: int, evidence: Evidence) -> None:
    """Raise `InfrastructureFault` when a child was killed and too few earlier tries ended so.

    Student code can kill itself by the same signal, and then does so in every try.
    """
    if not evidence.was_killed:
        return
    with database.read() as session:
        if _earlier_kills(session, repository.run(session, run_id)) < KILLS_TO_CONFIRM:
            raise InfrastructureFault(DETAIL)


def _earlier_kills(session: Session, run: Run) -> int:
    """The number of earlier tries that ended so. A later stage keeps its tries as lines within one run."""
    if run.outcome is RunOutcome.MEASURING:
        return (run.fault_detail or "").splitlines().count(DETAIL)
    same = Run.submission_id == run.submission_id, Run.regrade_id.is_not_distinct_from(run.regrade_id)
    return repository.fault_details(session, *same).count(DETAIL)
