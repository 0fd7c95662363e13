"""`assay assignment try`: grades a submission again whenever a file of it or of the assignment changes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import typer

from app.commands import parts, report
from app.commands.assignment import load
from app.commands.failures import UnusableInput
from app.commands.parts import Sources
from app.commands.warm_sandbox import warm_sandbox
from grader import grade
from grader.sandbox.supervisor import Sandbox

POLL_SECONDS = 0.3

State = dict[Path, tuple[int, int]]


def run(folder: Path, paths: list[Path], once: bool, language: str, as_json: bool) -> None:
    """Grade, and grade again at every change until Ctrl-C. Raises `CommandError`; with ``once`` also for faults."""
    sources = Sources(paths)
    sources.require_existing()
    try:
        with warm_sandbox() as sandbox:
            while True:
                before = state([folder, *paths])
                try:
                    _grade(sandbox, folder, sources, language, as_json)
                except UnusableInput as error:
                    if once:
                        raise
                    typer.echo(str(error), err=as_json)
                if once:
                    return
                typer.echo("waiting for a change of a file; Ctrl-C ends", err=True)
                while state([folder, *paths]) == before:
                    _pause()
                typer.echo("", err=as_json)
    except KeyboardInterrupt:
        return


def _grade(sandbox: Sandbox, folder: Path, sources: Sources, language: str, as_json: bool) -> None:
    assignment = load(folder)
    submitted = parts.collect(assignment.parts, sources)
    graded = grade(submitted, assignment, language=language, sandbox=sandbox)
    report.emit(graded.model_dump(mode="json"), as_json)


def state(paths: Iterable[Path]) -> State:
    """The time of change and the size of every file below these paths, without hidden ones."""
    files: State = {}
    for path in paths:
        for file in path.rglob("*") if path.is_dir() else [path]:
            if any(part.startswith((".", "__pycache__")) for part in file.relative_to(path).parts):
                continue
            try:
                found = file.stat()
            except OSError:
                continue  # removed since it was listed, as editors do while they save
            files[file] = (found.st_mtime_ns, found.st_size)
    return files


def _pause() -> None:
    time.sleep(POLL_SECONDS)
