"""``/submissions``: submitting, reading, streaming changes, cancelling."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from app import problems
from app.api.assignments import Course
from app.api.files import BINARY, file_answer
from app.api.stream_limit import OpenStream, StreamLimit
from app.api.submission_stream import SubmissionStream
from app.assignments import service as assignments
from app.auth import access
from app.auth.viewer import Viewer
from app.exports import gradescope
from app.grading import cancelling
from app.http import conditional, form, submit_limit
from app.http.authentication import AnyViewer
from app.http.request_language import Language
from app.http.sessions import Db, ReadSession, WriteSession
from app.reports import replay
from app.reports import service as reports
from app.reports.schemas import Report, SubmissionPage
from app.submissions import service, submitting
from app.submissions.models import State
from grader import assignment as assignments_data

router = APIRouter(prefix="/submissions", tags=["submissions"], responses=problems.documented(401, 422))

_PARTS_OF_HW13 = assignments_data.bundled("hw13").parts
_FORM = {
    "type": "object",
    "description": "The parts below are those of hw13. Other assignments have their own, as `GET /assignments/{slug}` "
    "says; a part that the assignment does not have is refused.",
    "required": ["assignment"],
    "additionalProperties": BINARY,
    "properties": {
        "assignment": {"type": "string", "description": "The assignment's slug, e.g. hw13."},
        **{
            part.name: {**BINARY, "description": f"File or field of at most {part.limit} bytes."}
            for part in _PARTS_OF_HW13
        },
        **{
            f"{submitting.OUTPUT}{part.name}": {
                "type": "string",
                "description": f"In the place of {part.name}: an output of a notebook in the form, such as "
                "`model:12.1` for the first output of the twelfth code cell of `model`. Nothing is taken unasked; "
                "a 422 lists the outputs that can be the part.",
            }
            for part in _PARTS_OF_HW13
            if part.outputs
        },
        "repair": {"type": "string", "enum": ["suggest", "apply"], "default": "suggest"},
        "student": {"type": "string", "description": "Staff only: submit for this login."},
    },
}
_BYTES = file_answer("application/octet-stream", "The bytes")
_PICTURE = file_answer("image/png", "The picture")
_ARCHIVE = file_answer("application/zip", "The archive")


@router.post(
    "",
    status_code=202,
    responses=problems.documented(400, 403, 404, 409, 413, 415, 429),
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _FORM}}}},
)
async def create_submission(
    request: Request,
    response: Response,
    viewer: AnyViewer,
    database: Db,
    lang: Language,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")] = None,
) -> Report:
    """Submit. The answer comes at once; `GET` with `wait` or `events` gives the results of the grading."""
    submit_limit.check(request, viewer)
    content_type = request.headers.get("content-type", "")
    fields = await form.read(request.stream(), content_type, submitting.field_limit)

    def store() -> Report:
        with database.read() as session:
            slug = submitting.read_slug(fields)
            person = access.within_assignment(viewer, slug)
            definition = assignments.current_definition(session, slug)
        upload = submitting.read_form(fields, definition)
        receipt = submitting.submit(database, request.app.state.jobs, person, upload, idempotency_key)
        if receipt.new is not None and not person.is_staff:
            return reports.new_report(receipt.new, viewer.login, lang)
        with database.read() as session:
            # This viewer may read the report: only staff can submit for another student.
            return reports.load_report(session, person, receipt.id, lang)

    report = await run_in_threadpool(store)
    response.headers["Location"] = f"/api/v1/submissions/{report.id}"
    return report


@router.get("", responses=problems.documented(404))
def list_submissions(
    viewer: AnyViewer,
    session: ReadSession,
    assignment: Annotated[str | None, Query(max_length=40)] = None,
    student: Annotated[str | None, Query(max_length=80)] = None,
    state: State | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    course: Course = None,
) -> SubmissionPage:
    """Own submissions; for staff all submissions of their courses. Newest first, a page at a time."""
    return reports.list_submissions(
        session, viewer, assignment=assignment, student=student, state=state, cursor=cursor, limit=limit
    )


def open_stream(request: Request, viewer: AnyViewer, database: Db, submission_id: uuid.UUID) -> SubmissionStream:
    """The stream of the submission in the path. Raises `SubmissionNotFound` before anything is sent."""
    return SubmissionStream.open(database, request.app.state.notifier, viewer, submission_id)


Stream = Annotated[SubmissionStream, Depends(open_stream)]


@router.get("/{submission_id}", responses={**conditional.NOT_MODIFIED, **problems.documented(404, 429)})
async def get_submission(
    request: Request,
    response: Response,
    stream: Stream,
    database: Db,
    lang: Language,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for an end state.")] = 0,
) -> Report:
    """The current report; `wait` delays the answer until the grading ends or the time is up."""
    if wait:
        limit: StreamLimit = request.app.state.stream_limit
        with limit.hold(stream.viewer):
            await stream.wait_for_end(wait)
    report = await run_in_threadpool(_report, database, stream.viewer, stream.submission_id, lang)
    _allow_revalidation(response, report)
    return report


def _allow_revalidation(response: Response, model: BaseModel) -> None:
    """Let the reader's client store the answer and ask each time whether it has changed."""
    response.headers["ETag"] = conditional.tag(model)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization, Accept-Language"


def _report(database: Db, viewer: Viewer, submission_id: uuid.UUID, lang: str) -> Report:
    with database.read() as session:
        return reports.load_report(session, viewer, submission_id, lang)


@router.get("/{submission_id}/events", response_class=EventSourceResponse, responses=problems.documented(404, 429))
async def stream_submission_events(_slot: OpenStream, stream: Stream, lang: Language) -> AsyncIterator[ServerSentEvent]:
    """The grading as server-sent events: `question` and `progress`, and `done` with the report at the end."""
    async for event in stream.events(lang):
        yield event


@router.post("/{submission_id}/cancel", responses=problems.documented(404, 409))
def cancel_submission(
    request: Request, viewer: AnyViewer, session: WriteSession, submission_id: uuid.UUID, lang: Language
) -> Report:
    """Cancel the grading; `cancel_effect` of the report says what cancelling does.

    Once every verdict is in, only measuring the pruning curve is stopped: the submission is graded and counts. Before,
    it ends as cancelled with what has landed, and its attempt is given back only if its grading had not begun.
    """
    cancelling.cancel(session, viewer, submission_id)
    return reports.load_report(session, viewer, submission_id, lang)


@router.get(
    "/{submission_id}/files/{part}",
    response_class=Response,
    responses={**_BYTES, **conditional.NOT_MODIFIED, **problems.documented(404)},
)
def get_submission_file(viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID, part: str) -> Response:
    """A part of the upload, byte for byte."""
    filename, sha256, data = service.part(session, viewer, submission_id, part)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(filename or part)}",
        "ETag": f'"{sha256}"',
        # Students wrote the upload: a browser must not run it as a page of this service.
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.get(
    "/{submission_id}/picture",
    response_class=Response,
    responses={**_PICTURE, **conditional.NOT_MODIFIED, **problems.documented(404)},
)
def get_submission_picture(viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID) -> Response:
    """The pruning plot, re-encoded by the service."""
    sha256, data = service.picture(session, viewer, submission_id)
    headers = {"ETag": f'"{sha256}"', "X-Content-Type-Options": "nosniff"}
    return Response(data, media_type="image/png", headers=headers)


@router.get(
    "/{submission_id}/artefact.onnx",
    response_class=Response,
    responses={**_BYTES, **conditional.NOT_MODIFIED, **problems.documented(404)},
)
def get_submission_artefact(viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID) -> Response:
    """The exported model that was counted and measured, as ONNX."""
    sha256, data = service.artefact(session, viewer, submission_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{submission_id}.onnx"',
        "ETag": f'"{sha256}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.get(
    "/{submission_id}/replay",
    response_class=Response,
    responses={**_ARCHIVE, **problems.documented(404, 409)},
)
def get_replay_archive(viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID) -> Response:
    """A ZIP to reproduce a failure at home: own sources, seeds, failing tensors, scripts."""
    data = replay.archive(session, viewer, submission_id)
    headers = {
        "Content-Disposition": f'attachment; filename="replay-{submission_id}.zip"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(data, media_type="application/zip", headers=headers)


@router.get("/{submission_id}/results.json", responses={**conditional.NOT_MODIFIED, **problems.documented(404)})
def get_gradescope_results(
    response: Response, viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID, lang: Language
) -> gradescope.Results:
    """The report in the format of Gradescope's autograder, which shows it to the student: without withheld results."""
    output = gradescope.results(reports.load_student_report(session, viewer, submission_id, lang))
    _allow_revalidation(response, output)
    return output
