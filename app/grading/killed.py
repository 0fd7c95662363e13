"""Children of the sandbox that SIGKILL ended: the signal may come from outside, so it must repeat itself."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.db.engine import Database
from app.grading import repository
from app.submissions.models import Run, RunOutcome
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.pruning.evidence import PruningEvidence
from grader.evidence import CodeEvidence, Evidence, Outcome
from grader.sandbox.replies import InfrastructureFault

DETAIL = "The worker's sandbox lost a child to SIGKILL."
"""Counts as the death of a worker, not as a failure: see `app.grading.failures`."""
KILLS_TO_CONFIRM = 2


def require_repeated_kill(database: Database, run_id: int, evidence: Evidence) -> None:
    """Raise `InfrastructureFault` when a child was killed and too few earlier tries ended so.

    Student code can kill itself by the same signal, and then does so in every try.
    """
    if not _was_killed(evidence):
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


def _was_killed(evidence: Evidence) -> bool:
    if isinstance(evidence, PruningEvidence):
        own_loss = evidence.own_loss is not None and evidence.own_loss.outcome is Outcome.DIED
        return own_loss or evidence.curve_outcome is Outcome.DIED
    if not isinstance(evidence, CodeEvidence):
        return False
    messages = [evidence.error.message] if evidence.outcome is Outcome.DIED and evidence.error else []
    if isinstance(evidence, ArchitectureEvidence) and evidence.unverified_reason:
        messages.append(evidence.unverified_reason)
    return any("SIGKILL" in text for text in messages)
