"""A database that is away, full or read-only: a request gets a 503, a job an infrastructure fault."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.problems import Unavailable
from grader.sandbox.replies import InfrastructureFault

_RETRY_SECONDS = 1.0
_READ_ONLY = "25006"
"""PostgreSQL's SQLSTATE for a write to a read-only server."""
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
def translated() -> Iterator[None]:
    """Raise `DatabaseAway` instead of the errors of drivers that mean an outage."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if not is_outage(error):
            raise
        log.warning("database away", error=str(error).splitlines()[0])
        raise DatabaseAway(_reason(error)) from error


def is_outage(error: Exception) -> bool:
    """Whether the database failed, rather than the statement."""
    if isinstance(error, DBAPIError) and (error.connection_invalidated or _sqlstate(error) == _READ_ONLY):
        return True
    if isinstance(error, OperationalError):
        # SQLite reports a statement that names a missing table or column with the same class.
        return not str(error.orig).startswith(("no such", "near ", "table "))
    return isinstance(error, InterfaceError | PoolTimeout)


def retry_after_outages(job: Callable[[], None], may_retry: Callable[[], bool]) -> None:
    """Run a job to its end, and again after each outage of the database for as long as ``may_retry`` allows.

    The job must be able to begin again at any point.
    """
    while True:
        try:
            job()
        except DatabaseAway as away:
            log.warning("the job begins again when the database is back", error=str(away))
            time.sleep(_RETRY_SECONDS)
            if not may_retry():
                raise
        else:
            return


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _reason(error: DBAPIError | PoolTimeout) -> str:
    """The reason to show: SQLite's own message, but not that of a server, which names hosts and users."""
    if isinstance(error, DBAPIError) and type(error.orig).__module__ == "sqlite3":
        return str(error.orig)
    return "no connection"
