"""`assay assignment check` and `assay assignment publish`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer

from app.assignments import service
from app.commands.configuration import settings
from app.commands.database import writing
from app.commands.failures import UnusableInput
from grader import assignment_check
from grader.assignment import Assignment


def check(folder: Path, as_json: bool) -> None:
    """Print what the folder holds. Raises `UnusableInput` when something is wrong, with every fault."""
    if as_json:
        _, faults = assignment_check.check(folder)
        typer.echo(json.dumps({"faults": [asdict(fault) for fault in faults]}, ensure_ascii=False, indent=2))
    found = _checked(folder)
    if not as_json:
        points = f"{len(found.questions)} questions, {found.max_score:g} points"
        typer.echo(f"{found.slug} version {found.version}: {points}; no errors")


def publish(folder: Path, as_json: bool) -> None:
    """Make the folder the newest version of its assignment. Raises `UnusableInput`."""
    found = _checked(folder)
    with writing(settings()) as session:
        row = service.publish_version(session, found, actor="assay assignment publish")
        told = {"slug": row.slug, "version": row.version, "digest": row.digest}
    sentence = f"{told['slug']} version {told['version']} now applies to new submissions"
    typer.echo(json.dumps(told) if as_json else sentence)


def _checked(folder: Path) -> Assignment:
    found, faults = assignment_check.check(folder)
    if found is None or faults:
        told = [str(fault) for fault in faults]
        raise UnusableInput(
            "this assignment cannot be used: " + (told[0] if len(told) == 1 else "\n".join(["", *told]))
        )
    return found
