"""Pages of the admins: workers, queue, sandbox, assignments and audit log."""

from __future__ import annotations

import difflib
import itertools
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.api import workers
from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.audit import repository as audit_repository
from app.audit import service as audit
from app.db.base import now
from app.http import request_language
from app.http.authentication import AdminViewer
from app.http.sessions import ReadSession
from app.pages import rendering
from app.presenting import filters, language
from app.submissions import repository as submissions
from grader.assignment import Assignment, Question

router = APIRouter(prefix="/admin")
_QUEUE_ROWS = 50
_AUDIT_ROWS = 100
_SHOWN_APART = ("choices", "wordings", "key", "explanation", "hint", "mistakes", "cases", "known_mistakes")
"""Options of a question that have their own place on the page, or are too long for a line."""
_OPTION = "option_"


@router.get("")
def overview(request: Request, viewer: AdminViewer, session: ReadSession) -> HTMLResponse:
    """Workers and their ages, the queue and its ages, the sandbox's layers."""
    moment = now()
    waiting = submissions.unfinished(session, _QUEUE_ROWS)
    work = workers.workers(request, viewer, session)
    return rendering.page(
        request,
        "admin.html",
        viewer=viewer,
        work=work,
        silence={worker.executor: _age(moment - worker.beat_at) for worker in work.workers},
        queue=[(row, _age(moment - row.submitted_at)) for row in waiting],
        more=max(work.waiting + work.running - len(waiting), 0),
        sandbox=workers.live_sandbox(session, request.app.state.settings),
    )


@router.get("/assignments")
def rubrics(request: Request, viewer: AdminViewer, session: ReadSession) -> HTMLResponse:
    """Every assignment: its rubric, its versions, and the changes between them."""
    tag = request_language.of_request(request)
    rows = []
    for row in assignments.all_current(session):
        versions = assignments.versions(session, row.slug)
        definition = assignments.definition(row)
        changes = [_changes(older, newer) for newer, older in itertools.pairwise(versions)]
        rows.append(
            {
                "definition": definition,
                "title": filters.localised(definition.title, tag),
                "questions": [_rubric(definition, question, tag) for question in definition.questions],
                "versions": list(zip(versions, [*changes, None], strict=True)),
            }
        )
    return rendering.page(
        request, "admin_assignments.html", viewer=viewer, shown=rows, told_options=_options_with_text(tag)
    )


@router.get("/audit")
def audit_log(
    request: Request,
    viewer: AdminViewer,
    session: ReadSession,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """The audit log, newest first, and whether its chain is whole."""
    entries = audit_repository.latest(session, before=before, limit=_AUDIT_ROWS)
    more = entries[-1].id if len(entries) == _AUDIT_ROWS else None
    broken = audit.first_broken(session)
    return rendering.page(request, "admin_audit.html", viewer=viewer, entries=entries, more=more, broken=broken)


def _options_with_text(tag: str) -> set[str]:
    """The options that have a text on the page; others show as in the file."""
    return {key.removeprefix(_OPTION) for key in language.texts(tag) if key.startswith(_OPTION)}


def _age(span: timedelta) -> str:
    """A span of time in its largest fitting unit: ``42 s``, ``3 min``, ``5 h``, ``2 d``."""
    seconds = max(int(span.total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _rubric(definition: Assignment, question: Question, tag: str) -> dict[str, Any]:
    options = question.options
    key = options.get("key")
    return {
        "number": question.number,
        "title": filters.localised(question.title, tag),
        "points": question.points,
        "check": question.check,
        "parts": [filters.localised(part.title, tag) for part in definition.parts if part.name in question.parts],
        "key": filters.localised(options["choices"][key], tag) if key else None,
        "options": {name: _option_text(value) for name, value in options.items() if name not in _SHOWN_APART},
        "mistakes": len(options.get("mistakes", {})),
    }


def _option_text(value: Any) -> str:
    """The text of an option's value; of a group of cases its name and points."""
    if isinstance(value, dict):
        named = {"name", "points"} <= value.keys()
        pairs = {value["name"]: value["points"]} if named else value
        return ", ".join(f"{name} {_option_text(item)}" for name, item in pairs.items())
    if isinstance(value, list):
        return ", ".join(_option_text(item) for item in value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.0f}" if value == int(value) else f"{value:g}"
    return str(value)


def _changes(older: PublishedAssignment, newer: PublishedAssignment) -> list[str]:
    """The changes of a version in the assignment's files, as a unified difference."""
    lines: list[str] = []
    for name in sorted(older.files.keys() | newer.files.keys()):
        before, after = (str(row.files.get(name, "")).splitlines() for row in (older, newer))
        # Case files are long lists of numbers: their name alone reports a change.
        diff = difflib.unified_diff(before, after, name, name, lineterm="", n=1) if name.endswith(".toml") else ()
        lines += diff or ([f"@@ {name}"] if before != after else [])
    return lines
