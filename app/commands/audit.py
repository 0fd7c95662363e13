"""`assay audit verify`."""

from __future__ import annotations

import typer

from app.audit import service
from app.commands.configuration import settings, writing
from app.commands.failures import Refused


def verify() -> None:
    """Follow the chain from its first entry. Raises `Refused` at the first entry that does not fit."""
    with writing(settings()) as session:
        broken = service.first_broken(session)
        if broken is not None:
            raise Refused(f"the audit log was tampered with: entry {broken} does not fit the one before it")
        newest = service.latest(session, before=None, limit=1)
    if newest:
        typer.echo(f"the chain is whole up to entry {newest[0].id} ({newest[0].hash})")
    else:
        typer.echo("the audit log is empty")
