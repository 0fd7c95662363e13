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
    assignment = load(folder)
    if not as_json:
        points = f"{len(assignment.questions)} questions, {assignment.max_score:g} points"
        typer.echo(f"{assignment.slug} version {assignment.version}: {points}; no errors")


def publish(folder: Path, as_json: bool) -> None:
    """Make the folder the newest version of its assignment. Raises `UnusableInput`."""
    assignment = load(folder)
    with writing(settings()) as session:
        row = service.publish_version(session, assignment, actor="assay assignment publish")
        result = {"slug": row.slug, "version": row.version, "digest": row.digest}
    sentence = f"{result['slug']} version {result['version']} now applies to new submissions"
    typer.echo(json.dumps(result) if as_json else sentence)


def load(folder: Path) -> Assignment:
    """The assignment in a folder. Raises `UnusableInput` with every fault."""
    assignment, faults = assignment_check.check(folder)
    if assignment is None or faults:
        lines = [str(fault) for fault in faults]
        raise UnusableInput(
            "this assignment cannot be used: " + (lines[0] if len(lines) == 1 else "\n".join(["", *lines]))
        )
    return assignment
