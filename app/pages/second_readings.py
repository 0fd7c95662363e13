"""Second readings: what another grader would give, the differences to the first decision, and their settlement."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.http import request_language
from app.http.authentication import StaffViewer
from app.http.sessions import Db, ReadSession
from app.pages import conflicts
from app.pages.class_pages import class_page, class_snapshot
from app.pages.conflicts import Conflict, RefusedDecision, RevisionField
from app.pages.decision_forms import points_of, reason_of
from app.pages.review import QueueQuery, queue_page, to_queue
from app.presenting import filters
from app.problems import Problem, Unprocessable
from app.scores import service as scores
from app.scores.review_items import service as review_items
from app.scores.second_readings import service
from app.scores.second_readings.service import Comparison
from app.scores.standing import QuestionStanding, points_after
from app.submissions import service as submissions

router = APIRouter(prefix="/dashboard/{slug}/second-readings")


@dataclass(frozen=True)
class Row:
    """A second reading on the page, with the current result of its question."""

    compared: Comparison
    standing: QuestionStanding


@dataclass(frozen=True)
class Refusal:
    """A refused settlement as it was typed."""

    submission: uuid.UUID
    question: str
    score: str
    reason: str
    conflict: Conflict | None


@router.get("")
def overview(request: Request, viewer: StaffViewer, session: ReadSession, slug: str) -> HTMLResponse:
    """Every second reading beside the first decision; open differences have a form to settle them."""
    return _page(request, session, viewer, slug)


@router.post("/read")
def read(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    submission: Annotated[uuid.UUID, Form()],
    question: Annotated[str, Form(max_length=16)],
    score: Annotated[float | None, Form(ge=0, allow_inf_nan=False)] = None,
    item: Annotated[list[int], Form(max_length=50)] = [],  # noqa: B006 - FastAPI copies the default
    reason: Annotated[str, Form(max_length=2000)] = "",
    only: Annotated[str, Form(max_length=16)] = "",
    skip: Annotated[int, Form(ge=0, le=100_000)] = 0,
) -> Response:
    """Store what this grader would give, and show the next question in this place."""
    tag = request_language.of_request(request)
    try:
        with database.write() as session:
            if submissions.find(session, viewer, submission).assignment.slug != slug:
                raise submissions.SubmissionNotFound
            note = reason.strip()
            if "\0" in note:
                raise Unprocessable("A note cannot have the character NUL. Remove it.")
            if score is None and item:
                score, texts = _by_items(session, viewer, slug, submission, question, item, tag)
                note = "\n".join(part for part in (*texts, note) if part)
            service.save(session, viewer, submission, question, score=score, note=note)
    except submissions.SubmissionNotFound:
        raise
    except Problem as problem:
        refusal = RefusedDecision(question, "", reason, None, tuple(item))
        query = QueueQuery(question=question, skip=skip, submission=submission, only=only)
        with database.read() as session:
            return queue_page(request, session, viewer, slug, query, problem, refusal)
    return to_queue(slug, question=only, skip=skip)


@router.post("")
def settle(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    submission: Annotated[uuid.UUID, Form()],
    question: Annotated[str, Form(max_length=16)],
    score: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    revision: RevisionField = "",
) -> Response:
    """Settle a difference by an ordinary decision on the question."""
    try:
        with database.write() as session:
            if submissions.find(session, viewer, submission).assignment.slug != slug:
                raise submissions.SubmissionNotFound
            basis = conflicts.revision(revision)
            points, text = points_of(score), reason_of(reason)
            scores.override(session, viewer, submission, question, score=points, reason=text, basis=basis)
    except submissions.SubmissionNotFound:
        raise
    except Problem as problem:
        conflict = conflicts.of_problem(problem, revision, "points", score, reason)
        refusal = Refusal(submission, question, score, reason, conflict)
        with database.read() as session:
            return _page(request, session, viewer, slug, problem, refusal)
    return RedirectResponse(f"/dashboard/{slug}/second-readings", status_code=303)


def _by_items(
    session: Session,
    viewer: Viewer,
    slug: str,
    submission: uuid.UUID,
    number: str,
    item_ids: list[int],
    tag: str,
) -> tuple[float, list[str]]:
    """The points that these review items leave, and the text of each. Raises `ReviewItemNotFound`."""
    offered = {one.id: one for one in review_items.list_items(session, slug) if one.question == number}
    if not set(item_ids) <= {one.id for one in offered.values() if not one.retired}:
        raise scores.ReviewItemNotFound
    items = [offered[item_id] for item_id in item_ids]
    full = scores.standing(session, submissions.find(session, viewer, submission), number).question.points
    texts = [f"{filters.localised(one.text, tag)} (−{filters.points(one.deduction)})" for one in items]
    return points_after(full, [one.deduction for one in items]), texts


def _page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    problem: Problem | None = None,
    refusal: Refusal | None = None,
) -> HTMLResponse:
    snapshot = class_snapshot(request, session, slug)
    rows = []
    for compared in service.comparisons(session, slug):
        submission = submissions.find(session, viewer, compared.reading.submission_id)
        rows.append(Row(compared, scores.standing(session, submission, compared.reading.question)))
    return class_page(
        request,
        "second_readings.html",
        session,
        viewer,
        snapshot.assignment,
        problem,
        rows=rows,
        percent=snapshot.assignment.review.second_reading_percent,
        unread=len(service.to_read(session, viewer, snapshot)),
        refusal=refusal,
    )
