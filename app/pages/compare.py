"""Two attempts side by side: points and messages by question, and the changes of the text parts."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.http import request_language
from app.http.authentication import AnyViewer
from app.http.sessions import ReadSession
from app.pages import rendering
from app.presenting import filters
from app.problems import Unprocessable
from app.reports import service as reports
from app.reports.schemas import PartView, Report
from app.submissions import service
from grader import line_difference, parts

router = APIRouter()
_LINE_LIMIT = 5_000
_CHARACTER_LIMIT = 500_000
"""Longer texts are not compared: nobody reads so long a page."""


class NotComparable(Unprocessable):
    """Only two attempts of one student at one assignment can be compared."""

    slug = "not-comparable"


@router.get("/compare")
def compare(
    request: Request,
    viewer: AnyViewer,
    session: ReadSession,
    first: Annotated[uuid.UUID, Query()],
    second: Annotated[uuid.UUID, Query()],
) -> HTMLResponse:
    """The earlier attempt on the left, the later one on the right."""
    tag = request_language.of_request(request)
    pair = [reports.load_report(session, viewer, identifier, tag) for identifier in (first, second)]
    earlier, later = sorted(pair, key=lambda report: report.attempt)
    if (earlier.student, earlier.assignment) != (later.student, later.assignment):
        raise NotComparable
    definition = assignments.definition(assignments.current(session, earlier.assignment))
    before = {question.number: question for question in earlier.questions}
    after = {question.number: question for question in later.questions}
    return rendering.page(
        request,
        "compare.html",
        viewer=viewer,
        title=filters.localised(definition.title, tag),
        earlier=earlier,
        later=later,
        rows=[(before.get(number), after.get(number)) for number in sorted(before | after)],
        differences=_differences(session, viewer, earlier, later),
    )


def text_parts(session: Session, viewer: Viewer, report: Report) -> list[tuple[PartView, str]]:
    """The uploaded parts that are text; invalid UTF-8 becomes replacement characters."""
    return [
        (part, service.part(session, viewer, report.id, part.name)[2].decode("utf-8", "replace"))
        for part in report.parts
        if parts.is_text(part.kind)
    ]


def _differences(session: Session, viewer: Viewer, earlier: Report, later: Report) -> dict[str, list[str] | None]:
    """A unified difference by title of the part, ``None`` where the texts are too long; without equal parts."""
    before, after = (
        {part.name: text for part, text in text_parts(session, viewer, report)} for report in (earlier, later)
    )
    return {
        title: difference(before.get(name, ""), after.get(name, ""))
        for name, title in _titles(earlier, later).items()
        if before.get(name, "") != after.get(name, "")
    }


def _titles(earlier: Report, later: Report) -> dict[str, str]:
    """By part its title, with the names of its files, which also say from which output of a notebook it was taken."""
    files: dict[str, dict[str, None]] = {}
    titles = {}
    for part in (*earlier.parts, *later.parts):
        files.setdefault(part.name, {}).update(dict.fromkeys([part.filename] if part.filename else []))
        titles[part.name] = f"{part.title} ({' → '.join(files[part.name])})" if files[part.name] else part.title
    return titles


def difference(before: str, after: str) -> list[str] | None:
    """The lines of a unified difference without its two headers, or ``None`` when a text is too long for one."""
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > _LINE_LIMIT or len(before) + len(after) > _CHARACTER_LIMIT:
        return None
    return list(line_difference.unified(old, new))
