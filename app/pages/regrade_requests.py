"""Regrade requests: students ask below a question, staff answer in their list."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.http import request_language
from app.http.authentication import AnyViewer, StaffViewer
from app.http.sessions import Db, ReadSession
from app.pages import conflicts
from app.pages.class_pages import class_page
from app.pages.conflicts import Conflict, RevisionField
from app.pages.login import local
from app.pages.submission import report_page
from app.presenting import filters
from app.problems import Problem, Unprocessable
from app.regrade_requests import service
from app.regrade_requests.models import RequestState
from app.regrade_requests.schemas import NewAnswer, NewRequest
from app.scores import service as scores
from app.scores.standing import QuestionStanding
from app.submissions import service as submissions

router = APIRouter()
_MOST_ROWS = 200
_Model = TypeVar("_Model", NewRequest, NewAnswer)
RequestId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class NothingWritten(Unprocessable):
    """The text is missing."""

    slug = "nothing-written"


@router.post("/submissions/{submission_id}/questions/{number}/requests")
def ask(
    request: Request,
    viewer: AnyViewer,
    database: Db,
    submission_id: uuid.UUID,
    number: str,
    reason: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Request a regrade of a question."""
    try:
        new = _read(NewRequest, reason=reason)
        with database.write() as session:
            service.ask(session, viewer, submission_id, number, new.reason)
    except Problem as problem:
        with database.read() as session:
            return report_page(request, session, viewer, submission_id, problem=problem)
    return RedirectResponse(f"/submissions/{submission_id}#q-{quote(number)}", status_code=303)


@router.post("/submissions/{submission_id}/requests/{request_id}/withdraw")
def withdraw(
    request: Request, viewer: AnyViewer, database: Db, submission_id: uuid.UUID, request_id: RequestId
) -> Response:
    """Withdraw an own request."""
    try:
        with database.write() as session:
            service.withdraw(session, viewer, request_id)
    except Problem as problem:
        with database.read() as session:
            return report_page(request, session, viewer, submission_id, problem=problem)
    return RedirectResponse(f"/submissions/{submission_id}", status_code=303)


@router.get("/dashboard/{slug}/requests")
def requests(request: Request, viewer: StaffViewer, session: ReadSession, slug: str) -> HTMLResponse:
    """The open requests, oldest first, and the answered ones."""
    return _list_page(request, session, viewer, slug)


@router.post("/dashboard/{slug}/requests/{request_id}")
def answer(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    request_id: RequestId,
    answer: Annotated[str, Form(max_length=10_000)] = "",
    score: Annotated[str, Form(max_length=20)] = "",
    back: Annotated[str, Form(max_length=500)] = "",
    revision: RevisionField = "",
) -> Response:
    """Answer a request, and set the points by hand if the form has some."""
    try:
        new, basis = _read(NewAnswer, answer=answer, score=score.strip() or None), conflicts.revision(revision)
        with database.write() as session:
            service.answer(session, viewer, request_id, new, basis)
    except Problem as problem:
        with database.read() as session:
            refusal = _RefusedAnswer(request_id, answer, score.strip(), revision, problem)
            return _list_page(request, session, viewer, slug, refusal)
    return RedirectResponse(local(back) if back else f"/dashboard/{quote(slug)}/requests", status_code=303)


def _read(kind: type[_Model], **values: object) -> _Model:
    """Validate the form's values as the API does. Raises `Unprocessable` with a sentence."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        if any(item["type"] == "string_too_short" for item in error.errors()):
            raise NothingWritten from None
        raise Unprocessable("; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())) from None


@dataclass(frozen=True)
class _RefusedAnswer:
    """A refused answer as it was typed, and the reason of the refusal."""

    request_id: int
    answer: str
    score: str
    revision: str
    problem: Problem


def _list_page(
    request: Request, session: Session, viewer: Viewer, slug: str, refusal: _RefusedAnswer | None = None
) -> HTMLResponse:
    tag = request_language.of_request(request)
    definition = assignments.definition(assignments.current(session, slug))
    rows = service.list_requests(session, viewer, assignment=slug, limit=_MOST_ROWS)
    waiting = [row for row in rows if row.state is RequestState.OPEN]
    return class_page(
        request,
        "requests.html",
        session,
        viewer,
        definition,
        refusal.problem if refusal else None,
        questions={
            request_id: _question(standing, tag) for request_id, standing in service.standings(session, waiting).items()
        },
        waiting=waiting,
        answered=[row for row in rows if row.state is not RequestState.OPEN],
        typed={refusal.request_id: (refusal.answer, refusal.score)} if refusal else {},
        refusal_request=refusal.request_id if refusal else None,
        **_conflict_context(session, viewer, refusal, tag),
    )


def _conflict_context(session: Session, viewer: Viewer, refusal: _RefusedAnswer | None, tag: str) -> dict[str, Any]:
    """The current state behind a refused answer; for a closed request also its question, to set points anyway."""
    if refusal is None:
        return {"conflict": None, "closed": None}
    wish: conflicts.Wish = "points" if refusal.score else "keep"
    if not isinstance(refusal.problem, service.AlreadyAnswered):
        conflict = conflicts.of_problem(refusal.problem, refusal.revision, wish, refusal.score, refusal.answer)
        return {"conflict": conflict, "closed": None}
    request = service.get(session, viewer, refusal.request_id)
    submission = submissions.find(session, viewer, request.submission)
    current = scores.standing(session, submission, request.question)
    stands = scores.changed_meanwhile(session, submission, current).members["stands"]
    basis = conflicts.revision(refusal.revision)
    return {
        "conflict": Conflict(request.question, basis, stands, wish, refusal.score, refusal.answer),
        "closed": request,
        "question": _question(current, tag),
    }


def _question(current: QuestionStanding, tag: str) -> dict[str, Any]:
    """The context of the staff's forms for a question."""
    return {
        "number": current.question.number,
        "title": filters.localised(current.question.title, tag),
        "score": current.score,
        "max_score": current.question.points,
        "revision": str(current.revision),
    }
