"""Begin and end the tries of a run, and give a run up after too many faults."""

from __future__ import annotations

from collections import Counter

from sqlalchemy.orm import Session

from app.db.base import now
from app.db.engine import Database
from app.db.outage import DatabaseAway
from app.grading import repository
from app.queue import repository as workers
from app.submissions import repository as submissions
from app.submissions.models import Cause, Phase, Run, RunOutcome, Try
from grader.evidence import Evidence
from grader.sandbox.child import ServerFault
from grader.sandbox.replies import InfrastructureFault

FAULTS_TO_GIVE_UP = 3
"""A run that failed this often by a fault of ours is given up."""
DEATHS_TO_GIVE_UP = 10
"""A run is given up after so many deaths of what gradings share; the limit is higher, since one death hits many."""
_DEATHS = (Cause.WORKER, Cause.DATABASE, Cause.FORK_SERVER, Cause.CHILD)
KILLS_TO_CONFIRM = 2
"""So many earlier tries must have lost a child to SIGKILL too: the signal may come from outside."""


class ChildKilled(InfrastructureFault):
    """The worker's sandbox lost a child to SIGKILL."""


_CAUSES = {DatabaseAway: Cause.DATABASE, ServerFault: Cause.FORK_SERVER, ChildKilled: Cause.CHILD}


def cause_of(error: Exception) -> Cause:
    """The cause of a fault that an exception reports."""
    if not isinstance(error, InfrastructureFault):
        return Cause.GRADER
    return next((cause for kind, cause in _CAUSES.items() if isinstance(error, kind)), Cause.INFRASTRUCTURE)


def end(run: Run, row: Try, outcome: RunOutcome, cause: Cause | None = None, detail: str | None = None) -> None:
    """End a try. Unless it finished, its run ends with it; a later stage is tried again in the same run, from anew."""
    row.outcome, row.finished_at, row.cause = outcome, now(), cause
    row.detail = detail[:4000] if detail is not None else None
    run.interim = {}
    if outcome is not RunOutcome.FINISHED and run.phase is not Phase.LATER:
        end_run(run, outcome)


def end_run(run: Run, outcome: RunOutcome) -> None:
    """Give a run its end."""
    run.outcome, run.finished_at = outcome, now()


def take_over(session: Session, run: Run, executor: str) -> bool:
    """End the try that a dead worker left. False while another worker lives and is at it: a job may come twice.

    The caller's process is at no try of this run, so a try of this ``executor`` is one that died.
    """
    row = repository.running_try(session, run.id)
    if row is not None:
        if row.executor != executor and workers.lives(session, row.executor):
            return False
        end(run, row, RunOutcome.FAULT, Cause.WORKER, f"The worker {row.executor} ended in the middle of its work.")
    elif run.outcome is RunOutcome.RUNNING and run.phase is not Phase.LATER:
        end_run(run, RunOutcome.FAULT)  # a version without tries left it
    session.flush()
    return True


def is_exhausted(session: Session, run: Run) -> bool:
    """Whether the tries of this run, and of those before it for the same purpose, failed or died too often."""
    causes = Counter(repository.fault_causes(session, run))
    deaths = sum(causes[cause] for cause in _DEATHS)
    return deaths >= DEATHS_TO_GIVE_UP or causes.total() - deaths >= FAULTS_TO_GIVE_UP


def require_repeated_kill(database: Database, run_id: int, evidence: Evidence) -> None:
    """Raise `ChildKilled` when a child was killed and too few earlier tries ended so.

    Student code can kill itself by the same signal, and then does so in every try.
    """
    if not evidence.was_killed:
        return
    with database.read() as session:
        causes = repository.fault_causes(session, submissions.load_run(session, run_id))
    if causes.count(Cause.CHILD) < KILLS_TO_CONFIRM:
        raise ChildKilled(ChildKilled.__doc__)
