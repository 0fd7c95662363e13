"""Children of the sandbox that SIGKILL ended: the signal may come from outside, so it must repeat itself."""

from __future__ import annotations

from app.db.engine import Database
from app.grading import repository
from app.submissions.models import Cause
from grader.evidence import Evidence
from grader.sandbox.replies import InfrastructureFault

KILLS_TO_CONFIRM = 2


class ChildKilled(InfrastructureFault):
    """The worker's sandbox lost a child to SIGKILL."""


def require_repeated_kill(database: Database, run_id: int, evidence: Evidence) -> None:
    """Raise `ChildKilled` when a child was killed and too few earlier tries ended so.

    Student code can kill itself by the same signal, and then does so in every try.
    """
    if not evidence.was_killed:
        return
    with database.read() as session:
        causes = repository.fault_causes(session, repository.run(session, run_id))
    if causes.count(Cause.CHILD) < KILLS_TO_CONFIRM:
        raise ChildKilled(ChildKilled.__doc__)
