"""The reports of a class as a ZIP with one HTML file for each student, which needs no service."""

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
from grader import messages

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(points=filters.points, when=filters.when)
_environment.globals["place"] = messages.place
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of all entries, so that equal reports give equal archives."""


def page(title: str, name: str, report: Report, language: str) -> str:
    """The page of one student. It loads and runs nothing; student content is plain text."""
    return _environment.get_template("feedback.html").render(
        title=title,
        name=name,
        report=report.model_dump(mode="json"),
        language=language,
        t=partial(texts.text, language),
    )


def archive(database: Database, slug: str, language: str, section: str | None = None) -> bytes:
    """The ZIP: ``LOGIN.html`` for every student with a submission, or for those of a section.

    Raises `AssignmentNotFound`.
    """
    out = io.BytesIO()
    with database.read() as session, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for login, html in _pages(session, slug, language, section):
            file.writestr(zipfile.ZipInfo(f"{login}.html", _FIXED_DATE), html, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _pages(session: Session, slug: str, language: str, section: str | None) -> Iterator[tuple[str, str]]:
    title = text(assignments.definition(assignments.current(session, slug)).title, language)
    for row in service.class_table(session, slug, section=section).rows:
        if row.submission is not None:
            submission = submissions.load(session, row.submission)
            report = building.build_report(session, submission, language, is_staff=False)
            yield row.student, page(title, row.name, report, language)
