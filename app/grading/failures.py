"""How a try of a job ends by a fault, and after how many faults the job is given up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from app.db.base import now
from app.grading import repository
from app.submissions.models import Run, RunOutcome
from grader import pipeline
from grader.evidence import Fault
from grader.sandbox.replies import InfrastructureFault

FAULTS_TO_GIVE_UP = 3
"""A job that failed this often by a fault of ours is given up."""
DEATHS_TO_GIVE_UP = 10
"""A job is given up after so many deaths of shared processes; the limit is higher, since one death hits many jobs."""
_DEATHS = ("The worker", "the fork server ", "The database ")
"""Details of deaths begin so: see `abandoned`, `killed.DETAIL`, `ServerFault` and `DatabaseAway`."""


@contextmanager
def handling(log: Any, stop: Callable[[], None], fault: Callable[[Fault, str], None]) -> Iterator[None]:
    """Run one try in the block: call ``stop`` when it is cancelled, ``fault`` with a fault of ours and its detail."""
    try:
        yield
    except pipeline.Cancelled:
        stop()
    except InfrastructureFault as error:
        log.warning("infrastructure fault", error=str(error))
        fault(Fault.INFRASTRUCTURE, str(error))
    except Exception as error:
        log.exception("grader fault")
        fault(Fault.GRADER, f"{type(error).__name__}: {error}")


def fail(run: Run, detail: str) -> None:
    """End a run by a fault of ours."""
    run.outcome, run.finished_at, run.fault_detail = RunOutcome.FAULT, now(), detail[:4000]


def abandoned(executor: str, work: str) -> str:
    """The fault's detail for a try whose worker died."""
    return f"The worker {executor} ended in the middle of the {work}."


def fail_abandoned(session: Session, work: str, *runs: ColumnElement[bool]) -> None:
    """End the runs that a dead worker left `running`: each counts as a fault of ours."""
    for run in repository.running(session, *runs):
        fail(run, abandoned(run.executor, work))
    session.flush()


def is_exhausted(session: Session, *runs: ColumnElement[bool]) -> bool:
    """Whether these runs failed or died too often to try again."""
    return too_many(repository.fault_details(session, *runs))


def too_many(details: Iterable[str | None]) -> bool:
    """Whether a job is given up after faults with these details."""
    texts = [detail or "" for detail in details]
    deaths = sum(detail.startswith(_DEATHS) for detail in texts)
    return deaths >= DEATHS_TO_GIVE_UP or len(texts) - deaths >= FAULTS_TO_GIVE_UP
