"""Children of the sandbox that a SIGKILL ended: it may have come from outside, so it is not believed at once."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.db.engine import Database
from app.grading import repository
from app.submissions.models import Run, RunOutcome
from grader.evidence import AnyEvidence, ArchitectureEvidence, CodeEvidence, Outcome, PruningEvidence
from grader.sandbox.replies import InfrastructureFault

DETAIL = "The worker's sandbox lost a child to SIGKILL."
"""Counts as the death of a worker, not as a failure: see `app.grading.tries`."""
_BELIEVED_AFTER = 2


def doubt(database: Database, run_id: int, evidence: AnyEvidence) -> None:
    """Raise `InfrastructureFault` when a child was killed, which did not happen in enough of the earlier tries.

    Student code can end itself by the same signal. That it does so every time is what tells it apart.
    """
    if not _killed(evidence):
        return
    with database.read() as session:
        if _before(session, repository.run(session, run_id)) < _BELIEVED_AFTER:
            raise InfrastructureFault(DETAIL)


def _before(session: Session, run: Run) -> int:
    """In how many earlier tries the same was seen. The second part of a grading is tried within one run."""
    if run.outcome is RunOutcome.MEASURING:
        return (run.fault_detail or "").splitlines().count(DETAIL)
    same = Run.submission_id == run.submission_id, Run.regrade_id.is_not_distinct_from(run.regrade_id)
    return repository.fault_details(session, *same).count(DETAIL)


def _killed(evidence: AnyEvidence) -> bool:
    if isinstance(evidence, PruningEvidence):
        own_loss = evidence.own_loss is not None and evidence.own_loss.outcome is Outcome.DIED
        return own_loss or evidence.curve_outcome is Outcome.DIED
    if not isinstance(evidence, CodeEvidence):
        return False
    told = [evidence.error.message] if evidence.outcome is Outcome.DIED and evidence.error else []
    if isinstance(evidence, ArchitectureEvidence) and evidence.unverified_reason:
        told.append(evidence.unverified_reason)
    return any("SIGKILL" in text for text in told)
