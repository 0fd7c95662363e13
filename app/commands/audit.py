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
        newest = next(iter(repository.latest(session, limit=1)), None)
        entry, entry_hash = (newest.id, newest.hash) if newest else (None, None)
        if as_json:
            typer.echo(json.dumps({"broken": broken, "entry": entry, "hash": entry_hash}))
        if broken is not None:
            raise Refused(f"the audit log was tampered with: entry {broken} does not fit the one before it")
    if not as_json:
        typer.echo(f"the chain is intact up to entry {entry} ({entry_hash})" if newest else "the audit log is empty")
