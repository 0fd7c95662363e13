"""`assay serve`, `assay demo`, `assay worker` and `assay migrate`.

Imports that take long are inside the functions: a sandbox, which takes longest to warm up, is launched before them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing

import typer

from app import serving
from app.commands.configuration import settings
from app.commands.failures import CommandError, ExitCode, Refused
from app.settings import Settings
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet, Sandbox


def serve(with_worker: bool, host: str | None, port: int | None) -> None:
    """Serve until a signal ends it."""
    configured = settings(host=host, port=port)

    def prepare() -> None:
        from app.commands import database

        database.check(configured)

    listen(configured, with_worker, prepare)


def demo(as_json: bool) -> None:
    """Serve with a worker and with people of the demonstration, from a fresh checkout on."""
    configured = settings()

    def prepare() -> None:
        from app.commands import demo

        demo.prepare(configured, as_json)

    listen(configured, True, prepare)


def listen(configured: Settings, with_worker: bool, prepare: Callable[[], None]) -> None:
    """Serve at an address that is free, after ``prepare``. Raises `Refused`."""
    try:
        serving.serve(configured, with_worker, prepare)
    except serving.CannotListen as error:
        raise Refused(f"{error}; set ASSAY_HOST and ASSAY_PORT to another address") from error


def work() -> None:
    """Take jobs until a signal ends it."""
    configured = settings()
    with closing(Sandbox()) as sandbox:
        try:
            sandbox.launch()
            _work(configured, sandbox)
        except FloorNotMet as error:
            raise CommandError(str(error), ExitCode.FLOOR_NOT_MET) from error
        except InfrastructureFault as error:
            raise Refused(str(error) or str(InfrastructureFault.__doc__)) from error


def _work(configured: Settings, sandbox: Sandbox) -> None:
    from app.commands import database
    from app.worker import worker
    from app.worker.executor import ExecutorIdTaken

    database.check(configured)
    try:
        worker.run(configured, sandbox)
    except ExecutorIdTaken as error:
        raise Refused(str(error)) from error


def migrate(as_json: bool) -> None:
    """Bring the database to this version, and tell which schema it has now."""
    from app.commands import database

    revision = database.upgrade(settings())
    typer.echo(json.dumps({"revision": revision}) if as_json else f"the database has schema {revision}")
