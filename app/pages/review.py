"""The review queue: one question of one submission at a time, on the desk of `review_desk`."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.http.authentication import StaffViewer
from app.http.sessions import Db
from app.pages import review_claims, review_desk
from app.pages.class_pages import class_page, class_snapshot
from app.pages.conflicts import RefusedDecision
from app.problems import Problem
from app.scores import review_progress
from app.scores.claims import service as claims
from app.scores.class_records import ClassSnapshot
from app.scores.second_readings import service as second_readings
from app.submissions import service as submissions
from grader.scoring import Verdict

router = APIRouter(prefix="/dashboard/{slug}/review")


@dataclass(frozen=True)
class QueuedQuestion:
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
    request: Request, viewer: StaffViewer, database: Db, slug: str, query: Annotated[QueueQuery, Query()]
) -> HTMLResponse:
    """The review item at a position of the queue, or the next one that no other grader has open.

    Opening it marks it for this grader, though the request is a GET: a link and a reload must open a question. The mark
    decides nothing, can be set twice, and runs out by itself.
    """
    with database.read() as session:
        snapshot = class_snapshot(request, session, slug)
        number = query.only if query.submission else query.question
        items = [*_queued_questions(snapshot, number), *_second_readings(session, viewer, snapshot, number)]
        if query.submission is not None:
            submissions.find(session, viewer, query.submission)
    wanted = [(query.submission, query.question)] if query.submission else [(i.submission, i.question) for i in items]
    opened = review_claims.open_next(database, viewer, wanted, query.skip)
    if opened is not None and query.submission is None:
        only = {"only": query.question, "submission": opened[0], "question": opened[1]}
        query = query.model_copy(update=only)
    with database.read() as session:
        return queue_page(request, session, viewer, slug, query)


def queue_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    query: QueueQuery,
    problem: Problem | None = None,
    refusal: RefusedDecision | None = None,
) -> HTMLResponse:
    """The page of the queue at a position, below a refused decision if there is one."""
    snapshot = class_snapshot(request, session, slug)
    only = query.only if query.submission else query.question
    seconds = _second_readings(session, viewer, snapshot, only)
    items = [*_queued_questions(snapshot, only), *seconds]
    at = min(query.skip, max(len(items) - 1, 0))
    item = QueuedQuestion(query.submission, query.question) if query.submission else items[at] if items else None
    is_queued = item in items
    is_second = item in seconds
    if query.submission:
        at = next((position for position, queued in enumerate(items) if queued == item), at)
    context = (
        review_desk.context(request, session, viewer, snapshot, item.submission, item.question, is_blind=is_second)
        if item is not None
        else {}
    )
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
        seconds=len(seconds),
        reads_again=bool(snapshot.assignment.review.second_reading_percent),
        is_second=is_second,
        following=at + 1 if is_queued else at,
        refusal=refusal,
        progress=review_progress.of_class(session, snapshot),
        elsewhere=claims.open_elsewhere(session, viewer, slug),
        holder=review_claims.holder_of(session, viewer, slug, item.submission, item.question) if item else None,
        done=query.done,
        done_question=query.done_question,
        done_revision=query.done_revision,
        **context,
    )


@lru_cache(maxsize=64)
def _queued_questions(snapshot: ClassSnapshot, number: str) -> tuple[QueuedQuestion, ...]:
    """The questions that wait for review in the attempts that count, by number; all numbers if ``number`` is empty."""
    graded = sorted(snapshot.graded, key=lambda attempt: attempt.submitted_at)
    numbers = [question.number for question in snapshot.assignment.questions if number in ("", question.number)]
    return tuple(
        QueuedQuestion((cell.source or attempt).submission, number)
        for number in numbers
        for attempt in graded
        if (cell := attempt.cells.get(number)) and cell.verdict is Verdict.NEEDS_REVIEW
    )


def _second_readings(session: Session, viewer: Viewer, snapshot: ClassSnapshot, number: str) -> list[QueuedQuestion]:
    """The reviews of other graders that this one reads a second time, after everything that waits."""
    questions = second_readings.to_read(session, viewer, snapshot)
    return [QueuedQuestion(submission, one) for submission, one in questions if number in ("", one)]


def to_queue(slug: str, **query: object) -> RedirectResponse:
    """Lead to a position of the queue; the names of ``query`` are those of `QueueQuery`."""
    query_string = urlencode({name: value for name, value in query.items() if value not in ("", 0)})
    return RedirectResponse(f"/dashboard/{slug}/review?{query_string}", status_code=303)
