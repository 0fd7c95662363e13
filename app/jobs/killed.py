"""Children of the sandbox that a SIGKILL ended: it may have come from outside, so it is not believed at once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ColumnElement, func, select

from app.db.engine import Database
from app.submissions.models import Run, RunOutcome
from grader.evidence import AnyEvidence, ArchitectureEvidence, CodeEvidence, Outcome, PruningEvidence

DETAIL = "The worker's sandbox lost a child to SIGKILL."
"""Counts as the death of a worker, not as a failure: see `app.jobs.grading.hopeless`."""
_BELIEVED_AFTER = 2


def doubtful(database: Database, evidence: Iterable[AnyEvidence], *runs: ColumnElement[bool]) -> bool:
    """Whether a child was killed in this run, which did not happen in enough of the submission's earlier ``runs``.

    Student code can end itself by the same signal. That it does so every time is what tells it apart.
    """
    if not any(_killed(one) for one in evidence):
        return False
    query = select(func.count()).select_from(Run).where(*runs, Run.outcome == RunOutcome.FAULT)
    with database.read() as session:
        return (session.scalar(query.where(Run.fault_detail == DETAIL)) or 0) < _BELIEVED_AFTER


def _killed(evidence: AnyEvidence) -> bool:
    if isinstance(evidence, PruningEvidence):
        return any(note.params.get("outcome") == Outcome.DIED for note in evidence.notes)
    if not isinstance(evidence, CodeEvidence):
        return False
    told = [evidence.error.message] if evidence.outcome is Outcome.DIED and evidence.error else []
    if isinstance(evidence, ArchitectureEvidence) and evidence.unverified_reason:
        told.append(evidence.unverified_reason)
    return any("SIGKILL" in text for text in told)
