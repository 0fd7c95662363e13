"""`assay assignment check`, `publish` and `release`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from app.assignments import service
from app.commands.configuration import settings
from app.commands.database import writing
from app.commands.failures import UnusableInput
from app.commands.warm_sandbox import warm_sandbox
from app.courses import service as courses
from app.courses.names import course_of
from app.scores.releases import service as releases
from app.scores.review_items import importing
from grader import assignment_check
from grader.assignment import Assignment
from grader.checks.registry import CHECKS
from grader.rubric import RubricTrial


def check(folder: Path, as_json: bool, no_run: bool) -> None:
    """Print what the folder holds, and what the trial of its rubrics shows unless ``no_run``.

    Raises `UnusableInput` when something is wrong, with every fault, and `CommandError` when the sandbox cannot run.
    """
    _, faults = assignment_check.check(folder)
    trials = () if faults or no_run else try_rubrics(load(folder))
    if as_json:
        remarks = () if faults else assignment_check.remarks(load(folder))
        result = {
            "faults": [asdict(fault) for fault in faults],
            "remarks": [asdict(remark) for remark in remarks],
            "rubrics": [asdict(trial) for trial in trials],
        }
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
    assignment = load(folder)
    errors = [error for trial in trials for error in trial.errors]
    if not as_json:
        for trial in trials:
            _print_trial(assignment, trial)
    if errors:
        raise unusable([str(error) for error in errors])
    if not as_json:
        for remark in assignment_check.remarks(assignment):
            typer.echo(f"remark: {remark}")
        points = f"{len(assignment.questions)} questions, {assignment.max_score:g} points"
        typer.echo(f"{assignment.slug} version {assignment.version}: {points}; no errors")


def try_rubrics(assignment: Assignment) -> tuple[RubricTrial, ...]:
    """Grade the author's own solutions of each question that has any, in the sandbox. Raises `CommandError`."""
    questions = [question for question in assignment.questions if CHECKS[question.check].tries_rubric]
    if not questions:
        return ()
    with Console(stderr=True).status("starting the sandbox") as status, warm_sandbox() as sandbox:

        def progress(file: str, done: int, total: int) -> None:
            status.update(Text(f"{file} {done + 1}/{total}"))

        return tuple(CHECKS[it.check].try_rubric(sandbox, assignment, it, progress) for it in questions)


def _print_trial(assignment: Assignment, trial: RubricTrial) -> None:
    name = assignment.question(trial.question).entry
    used = max(trial.tolerance_used.values(), default=None)
    close = "" if used is None else f"; right ones use at most {used:.0%} of the tolerance"
    typer.echo(f"{trial.question} {name}: {trial.mistakes} mistakes, {trial.correct} correct variants{close}")
    for finding in trial.findings:
        typer.echo(f"  {'error' if finding.is_error else 'remark'}: {finding}")


def publish(folder: Path, course: str, as_json: bool) -> None:
    """Make the folder the newest version of its assignment in a course. Raises `UnusableInput`."""
    assignment = load(folder)
    with writing(settings()) as session:
        actor = "assay assignment publish"
        row = service.publish_version(session, assignment, actor, course)
        importing.import_items(session, actor, row.slug, assignment)
        result = {"slug": row.slug, "version": row.version, "digest": row.digest}
    sentence = f"{result['slug']} version {result['version']} now applies to new submissions"
    typer.echo(json.dumps(result) if as_json else sentence)


def release(slug: str, take_back: bool, as_json: bool) -> None:
    """Let students read the results that are told when released, or withhold them again. Raises `UnusableInput`."""
    actor = "assay assignment release"
    with writing(settings()) as session:
        courses.require_open(session, course_of(slug))
        result: dict[str, Any] = {"slug": slug, "released_at": None}
        if take_back:
            releases.take_back(session, slug, actor)
        else:
            result["released_at"] = releases.release(session, slug, actor).at.isoformat()
        result["questions"] = releases.released_questions(session, slug)
    numbers = ", ".join(result["questions"]) or "no question waits for a release"
    sentence = "withheld again" if take_back else "released: students read them now"
    typer.echo(json.dumps(result) if as_json else f"results of {slug} ({numbers}) {sentence}")


def load(folder: Path) -> Assignment:
    """The assignment in a folder. Raises `UnusableInput` with every fault."""
    assignment, faults = assignment_check.check(folder)
    if assignment is None or faults:
        raise unusable([str(fault) for fault in faults])
    return assignment


def unusable(lines: Sequence[str]) -> UnusableInput:
    """The error that names every fault of an assignment."""
    return UnusableInput(
        "this assignment cannot be used: " + (lines[0] if len(lines) == 1 else "\n".join(["", *lines]))
    )
