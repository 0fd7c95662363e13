"""`assay audit verify`."""

from __future__ import annotations

import json

import typer

from app.audit import repository, service
from app.commands.configuration import settings
from app.commands.database import writing
from app.commands.failures import Refused


def verify(as_json: bool) -> None:
    """Follow the chain from its first entry. Raises `Refused` at the first entry that does not fit."""
    with writing(settings()) as session:
        broken = service.first_broken(session)
        newest = repository.latest(session, limit=1)
        told = {"broken": broken, "entry": newest[0].id if newest else None, "hash": newest[0].hash if newest else None}
        if as_json:
            typer.echo(json.dumps(told))
        if broken is not None:
            raise Refused(f"the audit log was tampered with: entry {broken} does not fit the one before it")
    if not as_json:
        whole = "the chain is intact up to entry {entry} ({hash})".format(**told)
        typer.echo(whole if newest else "the audit log is empty")
