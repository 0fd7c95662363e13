"""`assay scores`: the class table in a terminal."""

from __future__ import annotations

import json

import typer

from app.commands import report
from app.commands.configuration import settings
from app.commands.database import reading
from app.commands.tables import Row, emit
from app.scores import service
from app.scores.table import StudentRow


def show(slug: str, review: bool, section: str | None, as_json: bool) -> None:
    """Print a row for each student of a class or of a section, or for those who wait for a review."""
    with reading(settings()) as session:
        table = service.class_table(session, slug, section=section)
        rows = [row for row in table.rows if row.needs_review or not review]
    if as_json:
        typer.echo(json.dumps([row.model_dump(mode="json") for row in rows], ensure_ascii=False, indent=2))
    else:
        emit([_row(row) for row in rows], as_json)


def _row(row: StudentRow) -> Row:
    return {
        "student": row.student,
        "name": row.name,
        "total": None if row.score is None else f"{report.points(row.score)} / {report.points(row.max_score)}",
        **{number: None if cell.score is None else report.points(cell.score) for number, cell in row.questions.items()},
        "state": "excused" if row.excused else row.state.value if row.state else "not submitted",
        "review": "yes" if row.needs_review else None,
    }
