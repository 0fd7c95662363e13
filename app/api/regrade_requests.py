"""Regrade requests: a student asks with a reason, the course's staff answer."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from app import problems
from app.api.assignments import Course
from app.api.if_match import IfMatch, check_if_match
from app.http.authentication import AnyViewer, StaffViewer
from app.http.request_language import Language
from app.http.sessions import ReadSession, WriteSession
from app.regrade_requests import service
from app.regrade_requests.schemas import NewAnswer, NewRequest, RequestView

router = APIRouter(tags=["regrade requests"], responses=problems.documented(401, 422))
RequestId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.post(
    "/submissions/{submission_id}/questions/{number}/regrade-requests",
    status_code=201,
    responses=problems.documented(403, 404, 409),
)
def create_regrade_request(
    response: Response, viewer: AnyViewer, session: WriteSession, submission_id: uuid.UUID, number: str, new: NewRequest
) -> RequestView:
    """Request a regrade of a question of an own submission. A question can have one open request at a time."""
    request = service.ask(session, viewer, submission_id, number, new.reason)
    response.headers["Location"] = f"/api/v1/submissions/{submission_id}/regrade-requests"
    return service.view(session, viewer, request)


@router.get("/submissions/{submission_id}/regrade-requests", responses=problems.documented(404))
def list_regrade_requests_of_submission(
    viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID
) -> list[RequestView]:
    """The regrade requests of a submission with their answers, oldest first."""
    return service.of_submission(session, viewer, submission_id)


@router.get("/regrade-requests", responses=problems.documented(404))
def list_regrade_requests(
    viewer: AnyViewer,
    session: ReadSession,
    assignment: Annotated[str | None, Query(max_length=40)] = None,
    student: Annotated[str | None, Query(max_length=80)] = None,
    open: Annotated[bool, Query(description="Only requests that are waiting for an answer.")] = False,  # noqa: A002
    course: Course = None,
) -> list[RequestView]:
    """Own requests; for staff all requests. Open ones first, oldest first; then the answered ones, latest first."""
    return service.list_requests(session, viewer, assignment=assignment, student=student, open_only=open)


@router.post("/regrade-requests/{request_id}/answer", responses=problems.documented(403, 404, 409, 412))
def answer_regrade_request(
    viewer: StaffViewer,
    session: WriteSession,
    request_id: RequestId,
    new: NewAnswer,
    lang: Language,
    if_match: IfMatch = None,
) -> RequestView:
    """Answer a request. `score` sets the points by hand, with the answer as the reason."""
    request = service.open_request(session, viewer, request_id)
    check_if_match(session, viewer, request.submission_id, request.question, if_match, lang)
    return service.view(session, viewer, service.answer(session, viewer, request_id, new))


@router.post("/regrade-requests/{request_id}/withdraw", responses=problems.documented(403, 404, 409))
def withdraw_regrade_request(viewer: AnyViewer, session: WriteSession, request_id: RequestId) -> RequestView:
    """Withdraw an own open request."""
    return service.view(session, viewer, service.withdraw(session, viewer, request_id))
