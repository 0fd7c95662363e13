"""What each student earned and why, as pages that need no service: one HTML file a student, in one ZIP."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.engine import Database
from app.language import text
from app.presenting import filters
from app.presenting import language as texts
from app.reports import building
from app.reports.schemas import Report
from app.scores import service
from app.submissions import repository as submissions

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(points=filters.points, when=filters.when)
_LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""The same points give the same bytes, whenever the archive is made."""


def page(title: str, name: str, found: Report, language: str) -> str:
    """The page of one student. It loads nothing and runs nothing; what came from the student is text."""
    return _environment.get_template("feedback.html").render(
        title=title, name=name, report=found.model_dump(mode="json"), language=language, t=partial(texts.text, language)
    )


def archive(database: Database, slug: str, language: str) -> bytes:
    """The ZIP: ``LOGIN.html`` for every student with a hand-in. Raises `AssignmentNotFound`."""
    out = io.BytesIO()
    with database.read() as session, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for login, html in _pages(session, slug, language):
            entry = zipfile.ZipInfo(f"{login}.html", _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, html)
    return out.getvalue()


def _pages(session: Session, slug: str, language: str) -> Iterator[tuple[str, str]]:
    title = text(assignments.definition(assignments.current(session, slug)).title, language)
    for row in service.class_table(session, slug).rows:
        if row.submission is not None:
            found = building.build_report(session, submissions.load(session, row.submission), language)
            yield row.student, page(title, row.name, found, language)
