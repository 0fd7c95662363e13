"""`assay export`: the data of a class as files for other systems."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer

from app.assignments import service as assignments
from app.commands.configuration import settings
from app.commands.database import check
from app.commands.failures import UnusableInput
from app.db.engine import Database
from app.exports import feedback, gradescope_table, json_lines
from app.problems import Problem
from app.scores import service


def run(slug: str, kind: str, out: Path | None, language: str, section: str | None) -> None:
    """Write one export of a class or of a section to a file, or to stdout. Raises `CommandError`."""
    configured = settings()
    check(configured)
    if out is None and kind == "feedback" and sys.stdout.isatty():
        raise UnusableInput("the feedback is a ZIP; name a file with --out, or redirect the output")
    database = Database(configured)
    try:
        _write(out, _pieces(database, slug, kind, language, section))
    except Problem as problem:
        raise UnusableInput(problem.detail) from problem
    finally:
        database.close()


def _pieces(database: Database, slug: str, kind: str, language: str, section: str | None) -> Iterator[bytes]:
    if kind == "jsonl":
        yield from (line.encode() for line in json_lines.lines(database, slug, language, section))
    elif kind == "feedback":
        yield feedback.archive(database, slug, language, section)
    else:
        with database.read() as session:
            table = service.class_table(session, slug, section=section)
            current = assignments.definition(assignments.current(session, slug))
        yield (table.csv() if kind == "scores" else gradescope_table.text(current, table.rows)).encode()


def _write(out: Path | None, pieces: Iterable[bytes]) -> None:
    if out is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        return
    rest = iter(pieces)
    first = next(rest)  # raises before the file is created
    try:
        with out.open("wb") as file:
            file.write(first)
            file.writelines(rest)
    except OSError as error:
        raise UnusableInput(f"cannot write {out}: {error.strerror}") from error
    typer.echo(f"{out}: {out.stat().st_size:,} bytes", err=True)
