"""The review queue: one question of one submission at a time, with all that a decision needs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http import request_language
from app.http.authentication import StaffViewer
from app.http.sessions import Db, ReadSession
from app.pages import compare, conflicts, source
from app.pages.class_pages import class_page, class_snapshot
from app.pages.conflicts import Conflict, RevisionField
from app.pages.submission import report_context
from app.problems import NotFound, Problem
from app.reports import service as reports
from app.scores import service as scores
from app.scores.class_records import ClassSnapshot
from grader.scoring import Verdict

router = APIRouter(prefix="/dashboard/{slug}/review")
_STEPS = 4
"""The keys 1 to 5 give points in this many equal steps from none to full."""


class NoSuchQuestion(NotFound):
    """The assignment has no such question."""

    slug = "question-not-found"


@dataclass(frozen=True)
class ReviewItem:
    """One question of one submission that waits for review."""

    submission: uuid.UUID
    question: str


class QueueQuery(BaseModel):
    """The position in the queue, as the query string has it.

    The queue holds the items of one ``question``, or of all. Without ``submission`` the page shows the item after
    ``skip`` others; with it, it shows that submission's ``question``, and ``only`` is the question of the queue.
    ``done`` is the submission of the last decision, which can be undone.
    """

    model_config = ConfigDict(frozen=True)

    question: Annotated[str, Field(max_length=16)] = ""
    skip: Annotated[int, Field(ge=0, le=100_000)] = 0
    submission: uuid.UUID | None = None
    only: Annotated[str, Field(max_length=16)] = ""
    done: uuid.UUID | None = None
    done_question: Annotated[str, Field(max_length=16)] = ""
    done_revision: Annotated[str, Field(max_length=100)] = ""


@router.get("")
def queue(
    request: Request, viewer: StaffViewer, session: ReadSession, slug: str, query: Annotated[QueueQuery, Query()]
) -> HTMLResponse:
    """The review item at a position of the queue."""
    return _queue_page(request, session, viewer, slug, query)


def _queue_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    query: QueueQuery,
    problem: Problem | None = None,
    conflict: Conflict | None = None,
) -> HTMLResponse:
    snapshot = class_snapshot(request, session, slug)
    only = query.only if query.submission else query.question
    items = _review_items(snapshot, only)
    at = min(query.skip, max(len(items) - 1, 0))
    item = ReviewItem(query.submission, query.question) if query.submission else items[at] if items else None
    is_queued = item in items
    if query.submission:
        at = next((position for position, queued in enumerate(items) if queued == item), at)
    context = _item_context(request, session, viewer, snapshot, item) if item is not None else {}
    return class_page(
        request,
        "review.html",
        session,
        viewer,
        snapshot.assignment,
        problem,
        numbers=[question.number for question in snapshot.assignment.questions],
        only=only,
        waiting=len(items),
        at=at,
        following=at + 1 if is_queued else at,
        conflict=conflict,
        done=query.done,
        done_question=query.done_question,
        done_revision=query.done_revision,
        **context,
    )


def _item_context(
    request: Request, session: Session, viewer: Viewer, snapshot: ClassSnapshot, item: ReviewItem
) -> dict[str, Any]:
    """The question with its report, its requests, its sources and the points to choose."""
    tag = request_language.of_request(request)
    report = reports.load_report(session, viewer, item.submission, tag)
    context = report_context(session, viewer, report, tag)
    question = next((row for row in context["report"]["questions"] if row["number"] == item.question), None)
    if question is None:
        raise NoSuchQuestion
    rubric = snapshot.assignment.question(item.question)
    texts = sorted(compare.text_parts(session, viewer, report), key=lambda item: item[0].name not in rubric.parts)
    return {
        "report": context["report"],
        "question": question,
        "requests": context["requests"],
        "back": f"/dashboard/{snapshot.assignment.slug}/requests",
        "steps": _steps(question["max_score"]),
        "sources": [source.of_part(part, text) for part, text in texts],
    }


@router.post("")
def decide(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    submission: Annotated[uuid.UUID, Form()],
    question: Annotated[str, Form(max_length=16)],
    score: Annotated[float, Form(ge=0, allow_inf_nan=False)],
    reason: Annotated[str, Form(min_length=1, max_length=2000, pattern=r"^[^\x00]*\S[^\x00]*$")],
    only: Annotated[str, Form(max_length=16)] = "",
    skip: Annotated[int, Form(ge=0, le=100_000)] = 0,
    revision: RevisionField = "",
) -> Response:
    """Set the points and show the next item, which takes the place of this one."""
    basis = conflicts.revision(revision)
    try:
        with database.write() as session:
            decision = scores.override(
                session, viewer, submission, question, score=score, reason=reason.strip(), basis=basis
            )
    except scores.ChangedMeanwhile as problem:
        conflict = conflicts.of_problem(problem, revision, "points", f"{score:.10g}", reason)
        query = QueueQuery(question=question, skip=skip, submission=submission, only=only)
        return _conflict_page(request, database, viewer, slug, query, problem, conflict)
    return _to_queue(slug, question=only, skip=skip, done=submission, done_question=question, done_revision=decision)


@router.post("/undo")
def undo(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    submission: Annotated[uuid.UUID, Form()],
    question: Annotated[str, Form(max_length=16)],
    only: Annotated[str, Form(max_length=16)] = "",
    revision: RevisionField = "",
) -> Response:
    """Undo the last decision unless a later one exists, and show that question again."""
    decision = conflicts.revision(revision)
    try:
        with database.write() as session:
            scores.undo(session, viewer, submission, question, decision=decision)
    except scores.ChangedMeanwhile as problem:
        conflict = conflicts.of_problem(problem, revision, "undo")
        query = QueueQuery(question=question, submission=submission, only=only)
        return _conflict_page(request, database, viewer, slug, query, problem, conflict)
    return _to_queue(slug, submission=submission, question=question, only=only)


def _conflict_page(
    request: Request,
    database: Database,
    viewer: Viewer,
    slug: str,
    query: QueueQuery,
    problem: Problem,
    conflict: Conflict | None,
) -> HTMLResponse:
    """The current state of the same question, with the decision that was refused."""
    with database.read() as session:
        return _queue_page(request, session, viewer, slug, query, problem, conflict)


@lru_cache(maxsize=64)
def _review_items(snapshot: ClassSnapshot, number: str) -> tuple[ReviewItem, ...]:
    """The review items of the attempts that count, question by question; of all questions if ``number`` is empty."""
    graded = sorted(snapshot.graded, key=lambda attempt: attempt.submitted_at)
    numbers = [question.number for question in snapshot.assignment.questions if number in ("", question.number)]
    return tuple(
        ReviewItem((cell.source or attempt).submission, number)
        for number in numbers
        for attempt in graded
        if (cell := attempt.cells.get(number)) and cell.verdict is Verdict.NEEDS_REVIEW
    )


def _steps(full: float) -> list[float]:
    # The two decimals of its label, so that a button gives exactly these points.
    return [*(round(full * step / _STEPS, 2) for step in range(_STEPS)), full]


def _to_queue(slug: str, **query: object) -> RedirectResponse:
    query_string = urlencode({name: value for name, value in query.items() if value not in ("", 0)})
    return RedirectResponse(f"/dashboard/{slug}/review?{query_string}", status_code=303)
