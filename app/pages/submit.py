"""Submit the form of the start page, or show what it holds before it counts."""

from __future__ import annotations

from urllib.parse import quote

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from app.assignments import service as assignments
from app.auth.limits import RateLimit
from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http import form, request_language, submit_limit
from app.http.authentication import AnyViewer
from app.http.sessions import Db
from app.pages import errors, form_content, form_state, home, preview, rendering, starting_point, submission_form
from app.pages.check_slots import ChecksBusy, CheckSlots, ChecksUnavailable
from app.pages.form_state import FormState
from app.pages.preview import Preview
from app.presenting import language
from app.problems import Problem, TooManyRequests, Unprocessable
from app.submissions import submitting
from grader.assignment import Assignment
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import FloorNotMet
from grader.submission import Part

log = structlog.get_logger()
router = APIRouter()


class TooManyChecks(TooManyRequests):
    """The form was checked too often."""

    slug = "too-many-checks"

    def __init__(self, seconds: int, tag: str) -> None:
        detail = language.text(tag, "check_limited", seconds=seconds)
        super().__init__(detail, headers={"Retry-After": str(seconds)})


class FilesNotUsed(Unprocessable):
    """Some of the files have no part. Leave them out, or say which part each of them is."""

    slug = "files-not-used"


@router.post("/")
async def submit(request: Request, viewer: AnyViewer, database: Db, assignment: str) -> Response:
    """Submit the form and lead to the report, or show the form again with its problem."""
    state = FormState()
    definition = await run_in_threadpool(_definition, database, assignment)
    try:
        submit_limit.check(request, viewer)
        upload = await _read_upload(request, viewer, definition, state)
        if names := form_content.unplaced(state.content, state.fields):
            raise FilesNotUsed(f"{FilesNotUsed().detail} They are {', '.join(names)}.", names=names)
        key = form_content.once(state.fields, upload.digest)
        receipt = await run_in_threadpool(submitting.submit, database, request.app.state.jobs, viewer, upload, key)
    except Problem as problem:
        state.problem = problem
        return await run_in_threadpool(_show_again, request, database, viewer, assignment, state)
    return RedirectResponse(f"/submissions/{receipt.id}", status_code=303)


@router.get("/check")
def lead_back(assignment: str) -> RedirectResponse:
    """Lead to the form, where a change of the language leads from the page of a check."""
    return RedirectResponse(f"/?assignment={quote(assignment)}", status_code=303)


@router.post("/check")
async def check(request: Request, viewer: AnyViewer, database: Db, assignment: str) -> HTMLResponse:
    """The content of the form, read and not executed. Nothing counts and nothing is stored."""
    state = FormState()
    limit: RateLimit = request.app.state.check_limit
    definition = await run_in_threadpool(_definition, database, assignment)
    if seconds := limit.wait(viewer.login):
        state.problem = TooManyChecks(seconds, request_language.of_request(request))
        return await run_in_threadpool(_show_check, request, database, viewer, definition, state)
    limit.note(viewer.login)
    try:
        upload = await _read_upload(request, viewer, definition, state, keep_outputs=False)
    except Problem as problem:
        state.problem = None if isinstance(problem, submitting.NothingSubmitted) else problem
        return await run_in_threadpool(_show_check, request, database, viewer, definition, state)
    slots: CheckSlots = request.app.state.check_slots
    try:
        async with slots.hold(viewer.login):
            tag = request_language.of_request(request)
            # Reading the parts may take seconds, so it holds no transaction.
            state.preview = await run_in_threadpool(_read_parts, definition, upload, tag)
    except (ChecksBusy, ChecksUnavailable) as problem:
        if not errors.wants_page(request):
            raise
        state.problem = problem
    return await run_in_threadpool(_show_check, request, database, viewer, definition, state)


def _read_parts(definition: Assignment, upload: submitting.Upload, tag: str) -> Preview:
    try:
        return preview.read_parts(definition, upload.parts, upload.repair, tag, upload.from_outputs)
    except (FloorNotMet, InfrastructureFault) as failure:
        log.error("a form could not be checked", reason=str(failure))
        raise ChecksUnavailable from failure


async def _read_upload(
    request: Request, viewer: Viewer, definition: Assignment, state: FormState, *, keep_outputs: bool = True
) -> submitting.Upload:
    """Read the form into ``state``, and its content into an upload.

    Unless ``keep_outputs``, an output that a changed notebook does not have any more is left out.
    """
    content_type, limits = request.headers.get("content-type", ""), submission_form.size_limits(definition)
    state.fields = await form.read(request.stream(), content_type, limits, submission_form.FILES)

    def read() -> submitting.Upload:
        attempt = form_content.starting_attempt(state.fields)
        carried = _carried(request.app.state.database, viewer, definition, state, attempt)
        state.attempt = attempt
        state.content = form_content.read(state.fields, definition, carried)
        return submitting.read_form(state.content.fields, definition)

    try:
        return await run_in_threadpool(read)
    except submitting.NoSuchOutput:
        if keep_outputs:
            raise
        state.fields = submission_form.without_outputs(state.fields)
        return await run_in_threadpool(read)


def _carried(
    database: Database, viewer: Viewer, definition: Assignment, state: FormState, attempt: int | None
) -> dict[str, Part]:
    """The parts that the form carries over from the attempt from which it starts. Raises `SubmissionNotFound`."""
    names = [part.name for part in definition.parts if f"{submission_form.CARRY}{part.name}" in state.fields]
    if attempt is None:
        return {}
    with database.read() as session:
        return starting_point.load(session, viewer, definition.slug, attempt, names)


def _definition(database: Database, slug: str) -> Assignment:
    with database.read() as session:
        return assignments.current_definition(session, slug)


def _show_again(request: Request, database: Database, viewer: Viewer, slug: str, state: FormState) -> HTMLResponse:
    """The page with the form as it was sent."""
    with database.read() as session:
        return home.start_page(request, session, viewer, slug, state)


def _show_check(
    request: Request, database: Database, viewer: Viewer, assignment: Assignment, state: FormState
) -> HTMLResponse:
    """The preview as a fragment for the page's script, else the whole page."""
    if "hx-request" not in request.headers:
        return _show_again(request, database, viewer, assignment.slug, state)
    with database.read() as session:
        context = form_state.preview_context(session, viewer, assignment, state, request_language.of_request(request))
    page = rendering.page(request, "preview.html", problem=state.problem, **context)
    page.headers.update(state.problem.headers if state.problem else {})
    return page
