"""A student's start page: the form to submit, its check, and the attempts so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from app.api.assignments import AssignmentView, assignment_view
from app.assignments import service as assignments
from app.auth.limits import RateLimit
from app.auth.viewer import Viewer
from app.db.base import now
from app.db.engine import Database
from app.http import form, request_language, submit_limit
from app.http.authentication import AnyViewer
from app.http.sessions import Db, ReadSession
from app.pages import errors, preview, rendering, submission_form
from app.pages.check_slots import ChecksBusy, CheckSlots
from app.pages.preview import Preview
from app.pages.submission import counting_row
from app.presenting import language
from app.problems import Problem, TooManyRequests
from app.regrade_requests import service as regrade_requests
from app.reports import service as reports
from app.submissions import submitting
from app.submissions.parts import Field
from grader.assignment import Assignment, Tell

router = APIRouter()


class TooManyChecks(TooManyRequests):
    """The form was checked too often."""

    slug = "too-many-checks"

    def __init__(self, seconds: int, tag: str) -> None:
        detail = language.text(tag, "check_limited", seconds=seconds)
        super().__init__(detail, headers={"Retry-After": str(seconds)})


@dataclass
class _FormState:
    """The form as its page shows it again: the fields of the request, and the problem or preview of them."""

    fields: dict[str, Field] = field(default_factory=dict)
    problem: Problem | None = None
    preview: Preview | None = None

    @property
    def typed(self) -> Mapping[str, str]:
        """The texts that the page fills in again."""
        return submission_form.typed(self.fields)


@router.get("/")
def home(request: Request, viewer: AnyViewer, session: ReadSession, assignment: str | None = None) -> HTMLResponse:
    """Assignments, attempts so far, and the form."""
    return _home(request, session, viewer, assignment, _FormState())


@router.post("/")
async def submit(request: Request, viewer: AnyViewer, database: Db, assignment: str) -> Response:
    """Submit the form and lead to the report, or show the form again with its problem."""
    state = _FormState()
    definition = await run_in_threadpool(_definition, database, assignment)
    try:
        submit_limit.check(request, viewer)
        upload = await _read_upload(request, definition, state)
        receipt = await run_in_threadpool(submitting.submit, database, request.app.state.jobs, viewer, upload, None)
    except Problem as problem:
        state.problem = problem
        return await run_in_threadpool(_show_again, request, database, viewer, assignment, state)
    return RedirectResponse(f"/submissions/{receipt.id}", status_code=303)


@router.post("/check")
async def check(request: Request, viewer: AnyViewer, database: Db, assignment: str) -> HTMLResponse:
    """The content of the form, read and not executed. Nothing counts and nothing is stored."""
    state = _FormState()
    limit: RateLimit = request.app.state.check_limit
    if seconds := limit.wait(viewer.login):
        state.problem = TooManyChecks(seconds, request_language.of_request(request))
        return await run_in_threadpool(_show_check, request, database, viewer, assignment, state)
    limit.note(viewer.login)
    definition = await run_in_threadpool(_definition, database, assignment)
    try:
        upload = await _read_upload(request, definition, state)
    except Problem as problem:
        state.problem = None if isinstance(problem, submitting.NothingSubmitted) else problem
        return await run_in_threadpool(_show_check, request, database, viewer, assignment, state)
    slots: CheckSlots = request.app.state.check_slots
    try:
        async with slots.hold():
            tag = request_language.of_request(request)
            # Reading the parts may take seconds, so it holds no transaction.
            state.preview = await run_in_threadpool(preview.read_parts, definition, upload.parts, upload.repair, tag)
    except ChecksBusy as problem:
        if not errors.wants_page(request):
            raise
        state.problem = problem
    return await run_in_threadpool(_show_check, request, database, viewer, assignment, state)


async def _read_upload(request: Request, definition: Assignment, state: _FormState) -> submitting.Upload:
    """Read the form into ``state``, and its fields into an upload."""
    content_type = request.headers.get("content-type", "")
    state.fields = await form.read(request.stream(), content_type, submission_form.size_limits(definition).get)
    return submitting.read_form(submission_form.to_api(state.fields, definition), definition)


def _definition(database: Database, slug: str) -> Assignment:
    with database.read() as session:
        return assignments.current_definition(session, slug)


def _show_again(request: Request, database: Database, viewer: Viewer, slug: str, state: _FormState) -> HTMLResponse:
    """The page with the form as it was sent."""
    with database.read() as session:
        return _home(request, session, viewer, slug, state)


def _show_check(request: Request, database: Database, viewer: Viewer, slug: str, state: _FormState) -> HTMLResponse:
    """The preview as a fragment for the page's script, else the whole page."""
    if "hx-request" not in request.headers:
        return _show_again(request, database, viewer, slug, state)
    page = rendering.page(request, "preview.html", preview=state.preview, typed=state.typed, problem=state.problem)
    page.headers.update(state.problem.headers if state.problem else {})
    return page


def _home(request: Request, session: Session, viewer: Viewer, slug: str | None, state: _FormState) -> HTMLResponse:
    tag = request_language.of_request(request)
    views = [assignment_view(session, viewer, row, tag) for row in assignments.all_current(session)]
    if slug is not None:
        assignments.current(session, slug)
    chosen = next((view for view in views if slug is None or view.slug == slug), None)
    history, requests, counting, told_later = [], [], None, []
    if chosen:
        told_later = [question.number for question in chosen.questions if question.tell is not Tell.AT_ONCE]
        attempts = reports.list_submissions(session, viewer, assignment=chosen.slug, student=viewer.login)
        history = attempts.items
        counting = counting_row(attempts, chosen.keep)
        requests = regrade_requests.list_requests(session, viewer, assignment=chosen.slug, student=viewer.login)
    page = rendering.page(
        request,
        "home.html",
        viewer=viewer,
        assignments=views,
        assignment=chosen,
        history=history,
        counting=counting,
        told_later=told_later,
        asked=requests,
        problem=state.problem,
        something=not isinstance(state.problem, submitting.NothingSubmitted),
        typed=state.typed,
        preview=state.preview,
        **_times(chosen),
        form=submission_form.build(assignments.current_definition(session, chosen.slug), tag) if chosen else None,
    )
    page.headers.update(state.problem.headers if state.problem else {})
    return page


def _times(assignment: AssignmentView | None) -> dict[str, Any]:
    """This viewer's deadlines, and whether the assignment is open now."""
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
