"""`assay users import` and `assay tokens create`."""

from __future__ import annotations

from pathlib import Path

import typer

from app.commands.configuration import settings, writing
from app.commands.failures import UnusableInput
from app.users import service


def import_roster(roster: Path) -> None:
    """Add a roster's people; prints ``login,token`` lines for the new ones."""
    try:
        text = roster.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"cannot read {roster}: {error}") from error
    with writing(settings()) as session:
        imported = service.import_roster(session, text, actor="assay users import")
    new = [row for row in imported if row.token is not None]
    typer.echo(f"{len(new)} new, {len(imported) - len(new)} known already", err=True)
    for row in new:
        typer.echo(f"{row.login},{row.token}")


def create_token(login: str) -> None:
    """Print a new token; it cannot be shown again."""
    with writing(settings()) as session:
        token = service.create_token(session, service.find(session, login), actor="assay tokens create")
    typer.echo(token.secret)
