"""A database that is away, full or read-only: for the reader of an answer a 503, for a job a fault of the machines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.problems import Unavailable
from grader.sandbox.replies import InfrastructureFault

_PAUSE = 1.0
_READ_ONLY = "25006"
"""PostgreSQL's SQLSTATE of a write to a server that only reads."""
log = structlog.get_logger()


class DatabaseAway(Unavailable, InfrastructureFault):
    """The database does not answer or cannot store anything now. Nothing of this request was saved; try again soon."""

    slug = "database-away"
    retry_seconds = 10

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"The database does not answer or cannot store anything now ({reason}). Nothing of this request was saved; "
            f"try again in {self.retry_seconds} seconds."
        )


@contextmanager
def reported() -> Iterator[None]:
    """Raise `DatabaseAway` in the place of the driver's many errors that mean it."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if not is_outage(error):
            raise
        log.warning("database away", error=str(error).splitlines()[0])
        raise DatabaseAway(_reason(error)) from error


def is_outage(error: Exception) -> bool:
    """Whether the database failed, and not what was asked of it."""
    if isinstance(error, DBAPIError) and (error.connection_invalidated or _sqlstate(error) == _READ_ONLY):
        return True
    if isinstance(error, OperationalError):
        # SQLite's word for a statement that names what is not there, which no waiting would bring.
        return not str(error.orig).startswith(("no such", "near ", "table "))
    return isinstance(error, InterfaceError | PoolTimeout)


def outlive(job: Callable[[], None], go_on: Callable[[], bool]) -> None:
    """Run a job to its end, anew whenever the database was away meanwhile, as long as ``go_on`` says so.

    The job must be one that can begin again at any point. What it had begun counts as ended in the middle.
    """
    while True:
        try:
            job()
        except DatabaseAway as away:
            log.warning("the job begins again when the database is back", error=str(away))
            time.sleep(_PAUSE)
            if not go_on():
                raise
        else:
            return


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _reason(error: DBAPIError | PoolTimeout) -> str:
    """What people are told: SQLite's own words; not those of a server, which name hosts and users."""
    if isinstance(error, DBAPIError) and type(error.orig).__module__ == "sqlite3":
        return str(error.orig)
    return "no connection"
