"""`assay serve`, `assay worker` and `assay migrate`."""

from __future__ import annotations

from app import main
from app.commands.configuration import check, settings
from app.commands.failures import CommandError, ExitCode, Refused
from app.db import migrate as migrations
from app.jobs import worker
from app.jobs.executor import ExecutorIdTaken
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet


def serve(with_worker: bool, host: str | None, port: int | None) -> None:
    """Serve until a signal ends it."""
    configured = settings(host=host, port=port)
    check(configured)
    main.serve(configured, with_worker)


def work() -> None:
    """Take jobs until a signal ends it."""
    configured = settings()
    check(configured)
    try:
        worker.run(configured)
    except FloorNotMet as error:
        raise CommandError(str(error), ExitCode.FLOOR_NOT_MET) from error
    except (ExecutorIdTaken, InfrastructureFault) as error:
        raise Refused(str(error) or str(type(error).__doc__)) from error


def migrate() -> None:
    """Bring the database to this version."""
    migrations.upgrade(settings())
