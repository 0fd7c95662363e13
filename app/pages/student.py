"""A student's start page with the hand-in form and the history, and the live report of one hand-in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.api.assignments import AssignmentView
from app.api.assignments import view as assignment_view
from app.assignments import service as assignments
from app.auth.limits import RateLimit
from app.auth.viewer import Viewer
from app.db.base import now
from app.db.engine import Database
from app.grading import cancelling
from app.http import form, request_language
from app.http.sessions import Db, ReadSession
from app.http.viewers import AnyViewer
from app.pages import errors, preview, rendering, submission_form
from app.pages.check_slots import ChecksBusy, CheckSlots
from app.pages.preview import Preview
from app.presenting import filters, language
from app.problems import Problem, TooManyRequests
from app.regrade_requests import service as regrade_requests
from app.reports import service as reports
from app.reports.schemas import Report, SubmissionPage, SubmissionRow
from app.scores import class_records
from app.submissions import submitting
from app.submissions.models import State
from app.submissions.parts import Field

router = APIRouter()
STOP_ASKING = 286
"""What tells htmx that a fragment is the last one of its kind (https://htmx.org/docs/#polling)."""


class TooManyChecks(TooManyRequests):
    """The form was checked too often."""

    slug = "too-many-checks"

    def __init__(self, seconds: int, tag: str) -> None:
        detail = language.text(tag, "check_limited", seconds=seconds)
        super().__init__(detail, headers={"Retry-After": str(seconds)})


@router.get("/")
def home(request: Request, viewer: AnyViewer, session: ReadSession, assignment: str | None = None) -> HTMLResponse:
    """Assignments, attempts so far, and the form."""
    return _home(request, session, viewer, assignment)


@router.post("/")
async def submit(request: Request, viewer: AnyViewer, database: Db, assignment: str) -> Response:
    """Take the form and lead to the report, or show the form again with what is wrong."""
    numbers = await run_in_threadpool(_choices, database, assignment)
    fields: dict[str, Field] = {}
    try:
        content_type = request.headers.get("content-type", "")
        fields = await form.read(request.stream(), content_type, submission_form.largest(numbers))
        upload = submitting.read_form(submission_form.to_api(fields, assignment))
        identifier = await run_in_threadpool(submitting.submit, database, request.app.state.jobs, viewer, upload, None)
    except Problem as problem:
        return await run_in_threadpool(_show_again, request, database, viewer, assignment, fields, problem)
    return RedirectResponse(f"/submissions/{identifier}", status_code=303)


@router.post("/check")
async def check(request: Request, viewer: AnyViewer, database: Db, assignment: str) -> HTMLResponse:
    """What the form holds, read and not executed. It does not count, and nothing is stored."""
    limit: RateLimit = request.app.state.check_limit
    if seconds := limit.wait(viewer.login):
        busy = TooManyChecks(seconds, request_language.of_request(request))
        return await run_in_threadpool(_found, request, database, viewer, assignment, {}, None, busy)
    limit.note(viewer.login)
    numbers = await run_in_threadpool(_choices, database, assignment)
    fields: dict[str, Field] = {}
    try:
        content_type = request.headers.get("content-type", "")
        fields = await form.read(request.stream(), content_type, submission_form.largest(numbers))
        upload = submitting.read_form(submission_form.to_api(fields, assignment))
    except submitting.NothingSubmitted:
        return await run_in_threadpool(_found, request, database, viewer, assignment, fields, None)
    except Problem as problem:
        return await run_in_threadpool(_found, request, database, viewer, assignment, fields, None, problem)
    slots: CheckSlots = request.app.state.check_slots
    try:
        async with slots.hold():
            return await run_in_threadpool(_found, request, database, viewer, assignment, fields, upload)
    except ChecksBusy as problem:
        if not errors.wants_page(request):
            raise
        return await run_in_threadpool(_found, request, database, viewer, assignment, fields, None, problem)


@router.get("/submissions/{submission_id}")
def submission(request: Request, viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID) -> HTMLResponse:
    """The report, which fills in by itself while the grading runs."""
    return report_page(request, session, viewer, submission_id)


@router.post("/submissions/{submission_id}/cancel")
def cancel(request: Request, viewer: AnyViewer, database: Db, submission_id: uuid.UUID) -> Response:
    """Stop the grading, or say why it cannot be stopped any more."""
    try:
        with database.write() as session:
            cancelling.cancel(session, viewer, submission_id)
    except cancelling.AlreadyEnded as problem:
        with database.read() as session:
            return report_page(request, session, viewer, submission_id, problem=problem)
    return RedirectResponse(f"/submissions/{submission_id}", status_code=303)


@router.get("/submissions/{submission_id}/report")
def report(request: Request, viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID) -> HTMLResponse:
    """The report alone, to be put into the page."""
    return report_page(request, session, viewer, submission_id, "report.html")


def report_context(session: Session, found: Report, tag: str) -> dict[str, Any]:
    """What the report's template needs of a report, in a language."""
    definition = assignments.definition(assignments.current(session, found.assignment))
    data = found.model_dump(mode="json")
    questions = [
        {**question, "group": question["number"].partition(".")[0], "revision": shown.revision}
        for question, shown in zip(data["questions"], found.questions, strict=True)
    ]
    return {
        "report": data | {"questions": questions},
        "title": filters.localised(definition.title, tag),
        "finished": found.state.ended,
        "fragment": f"/submissions/{found.id}/report",
        "requests": regrade_requests.history(session, found.id),
    }


def counting_of(attempts: SubmissionPage, keep: str) -> SubmissionRow | None:
    """The attempt that counts, of all that a student has; ``None`` when there are more than these."""
    return None if attempts.next_cursor else class_records.counting_attempt(attempts.items[::-1], keep)


def report_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    submission_id: uuid.UUID,
    template: str = "submission.html",
    problem: Problem | None = None,
) -> HTMLResponse:
    """The report as its student sees it, or with what was refused above it."""
    tag = request_language.of_request(request)
    found = reports.report(session, viewer, submission_id, tag)
    context = report_context(session, found, tag)
    mine = found.student == viewer.login
    status = STOP_ASKING if template == "report.html" and found.state.ended else 200
    return rendering.page(
        request,
        template,
        problem.status if problem else status,
        viewer=viewer,
        mine=mine,
        may_ask=mine and found.state is State.GRADED,
        complaint=request_language.complaint_of(request, problem),
        **context,
    )


def _home(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str | None,
    status: int = 200,
    complaint: str | None = None,
    typed: Mapping[str, str] | None = None,
    found: Preview | None = None,
    something: bool = True,
) -> HTMLResponse:
    tag = request_language.of_request(request)
    offered = [assignment_view(session, viewer, row, tag) for row in assignments.all_current(session)]
    if slug is not None:
        assignments.current(session, slug)
    chosen = next((item for item in offered if slug is None or item.slug == slug), None)
    history, asked, counting = [], [], None
    if chosen:
        page = reports.history(session, viewer, assignment=chosen.slug, student=viewer.login)
        history = page.items
        counting = counting_of(page, chosen.keep)
        asked = regrade_requests.listed(session, viewer, assignment=chosen.slug, student=viewer.login)
    return rendering.page(
        request,
        "home.html",
        status,
        viewer=viewer,
        assignments=offered,
        assignment=chosen,
        history=history,
        counting=counting,
        asked=asked,
        complaint=complaint,
        something=something,
        typed=typed or {},
        preview=found,
        **_times(chosen),
        file_parts=submission_form.FILE_PARTS,
        text_parts=submission_form.TEXT_PARTS,
        file_types=submission_form.FILE_TYPES,
    )


def _times(assignment: AssignmentView | None) -> dict[str, Any]:
    """When hand-ins of this viewer are taken, and whether they are now."""
    if assignment is None:
        return {}
    due = getattr(assignment, "due", assignment.deadline)
    closes = getattr(assignment, "closes", due)
    moment = now()
    return {
        "due": due,
        "closes": closes,
        "closed": closes is not None and closes < moment,
        "not_open": assignment.opens is not None and moment < assignment.opens,
    }


def _choices(database: Database, slug: str) -> list[str]:
    with database.read() as session:
        definition = assignments.definition(assignments.current(session, slug))
    return [question.number for question in definition.questions if "choices" in question.options]


def _show_again(
    request: Request,
    database: Database,
    viewer: Viewer,
    slug: str,
    fields: Mapping[str, Field],
    problem: Problem,
) -> HTMLResponse:
    complaint, typed = request_language.complaint_of(request, problem), submission_form.typed(fields)
    something = not isinstance(problem, submitting.NothingSubmitted)
    with database.read() as session:
        page = _home(request, session, viewer, slug, problem.status, complaint, typed, something=something)
    page.headers.update(problem.headers)
    return page


def _found(
    request: Request,
    database: Database,
    viewer: Viewer,
    slug: str,
    fields: Mapping[str, Field],
    upload: submitting.Upload | None,
    problem: Problem | None = None,
) -> HTMLResponse:
    """The preview: a fragment for the page's script, else the whole page with the form as it was."""
    tag, typed = request_language.of_request(request), submission_form.typed(fields)
    status, complaint = problem.status if problem else 200, request_language.complaint_of(request, problem)
    with database.read() as session:
        definition = assignments.definition(assignments.current(session, slug))
    # Between two transactions: reading the parts may take seconds.
    found = preview.look(definition, upload.parts, upload.repair, tag) if upload else None
    with database.read() as session:
        if "hx-request" in request.headers:
            page = rendering.page(request, "preview.html", status, preview=found, typed=typed, complaint=complaint)
        else:
            page = _home(request, session, viewer, slug, status, complaint, typed, found)
    page.headers.update(problem.headers if problem else {})
    return page
