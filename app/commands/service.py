"""`assay serve`, `assay worker` and `assay migrate`."""

from __future__ import annotations

import json

import typer

from app.commands.configuration import check, settings, upgrade
from app.commands.failures import CommandError, ExitCode, Refused
from app.jobs import worker
from app.jobs.executor import ExecutorIdTaken
from app.settings import Settings
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet


def serve(with_worker: bool, host: str | None, port: int | None) -> None:
    """Serve until a signal ends it."""
    configured = settings(host=host, port=port)
    check(configured)
    listen(configured, with_worker)


def listen(configured: Settings, with_worker: bool) -> None:
    """Serve at an address that is free. Raises `Refused`."""
    from app import main  # the pages, which a worker does without

    try:
        main.serve(configured, with_worker)
    except main.CannotListen as error:
        raise Refused(f"{error}; ASSAY_HOST and ASSAY_PORT name another place") from error


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


def migrate(as_json: bool) -> None:
    """Bring the database to this version, and tell which schema it has now."""
    revision = upgrade(settings())
    typer.echo(json.dumps({"revision": revision}) if as_json else f"the database has schema {revision}")
