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
from grader import messages
from grader.assignment import Assignment, Question

router = APIRouter(prefix="/admin")
_QUEUE_ROWS = 50
_AUDIT_ROWS = 100
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
    return {
        "number": question.number,
        "title": filters.localised(question.title, tag),
        "points": question.points,
        "check": question.check,
        "parts": [filters.localised(part.title, tag) for part in definition.parts if part.name in question.parts],
        "options": {name: (_option_text(value, tag), _rows(value, tag)) for name, value in question.options.items()},
    }


def _rows(value: Any, tag: str) -> list[str]:
    """The rows of an option that is a table or a list of tables; empty for one that fits a line."""
    if isinstance(value, dict) and messages.LANGUAGES[0] not in value:
        return [f"{name}: {_option_text(item, tag)}" for name, item in value.items()]
    is_list = isinstance(value, list) and any(isinstance(item, dict) for item in value)
    return [_option_text(item, tag) for item in value] if is_list else []


def _option_text(value: Any, tag: str) -> str:
    """The text of an option's value in one line."""
    if isinstance(value, dict) and messages.LANGUAGES[0] in value:
        return filters.localised(value, tag)
    if isinstance(value, dict):
        return "; ".join(_rows(value, tag))
    if isinstance(value, list):
        return ", ".join(_option_text(item, tag) for item in value)
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
