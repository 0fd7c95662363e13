"""`assay assignment check` and `assay assignment publish`."""

from __future__ import annotations

from pathlib import Path

import typer

from app.assignments import service
from app.commands.configuration import settings, writing
from app.commands.failures import UnusableInput
from grader import assignment_check
from grader.assignment import Assignment


def check(folder: Path) -> None:
    """Print what the folder holds. Raises `UnusableInput` with every fault."""
    found = _checked(folder)
    points = f"{len(found.questions)} questions, {found.max_score:g} points"
    typer.echo(f"{found.slug} version {found.version}: {points}; nothing is wrong with it")


def publish(folder: Path) -> None:
    """Make the folder the newest version of its assignment. Raises `UnusableInput`."""
    found = _checked(folder)
    with writing(settings()) as session:
        row = service.publish_version(session, found, actor="assay assignment publish")
        typer.echo(f"{row.slug} version {row.version} is the one that counts for new hand-ins")


def _checked(folder: Path) -> Assignment:
    found, faults = assignment_check.check(folder)
    if found is None or faults:
        raise UnusableInput("\n".join(["this assignment cannot be used:", *map(str, faults)]))
    return found
