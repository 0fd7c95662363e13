"""Tries of the same work: how each of them ends, and when there have been enough of them."""

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

MOST_FAULTS = 3
"""Work that failed this often through no fault of the student's is given up."""
MOST_DEATHS = 10
"""So often what a submission shares with others may die in the middle of it: they all come under suspicion together."""
_DEATHS = ("The worker", "the fork server ", "The database ")
"""How the details of such a fault begin: see `abandoned`, `killed.DETAIL`, `ServerFault` and `DatabaseAway`."""


@contextmanager
def ended(log: Any, stop: Callable[[], None], fault: Callable[[Fault, str], None]) -> Iterator[None]:
    """One try: ``stop`` is called when it was told to end, ``fault`` with a fault of ours and its detail."""
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
    """What is said of a try whose worker died in the middle of this work."""
    return f"The worker {executor} ended in the middle of the {work}."


def close_abandoned(session: Session, work: str, *runs: ColumnElement[bool]) -> None:
    """Those of the runs that are still `running` belong to a worker that died: each counts as a fault of ours."""
    for run in repository.running(session, *runs):
        fail(run, abandoned(run.executor, work))
    session.flush()


def hopeless(session: Session, *runs: ColumnElement[bool]) -> bool:
    """Whether these runs failed or died too often to try again."""
    return enough(repository.fault_details(session, *runs))


def enough(details: Iterable[str | None]) -> bool:
    """Whether work is given up whose tries ended by faults with these details."""
    failed = [detail or "" for detail in details]
    deaths = sum(detail.startswith(_DEATHS) for detail in failed)
    return deaths >= MOST_DEATHS or len(failed) - deaths >= MOST_FAULTS
