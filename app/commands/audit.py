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
        result: dict[str, int | str | None] = {"broken": broken, "entry": None, "hash": None}
        for entry in newest:
            result |= {"entry": entry.id, "hash": entry.hash}
        if as_json:
            typer.echo(json.dumps(result))
        if broken is not None:
            raise Refused(f"the audit log was tampered with: entry {broken} does not fit the one before it")
    if not as_json:
        whole = "the chain is intact up to entry {entry} ({hash})".format(**result)
        typer.echo(whole if newest else "the audit log is empty")
