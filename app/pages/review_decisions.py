"""Decisions at the review desk: confirm or set points, and undo it; the queue shows the next item."""

from __future__ import annotations

import uuid
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, Response

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http.authentication import StaffViewer
from app.http.sessions import Db
from app.pages import conflicts
from app.pages.conflicts import RefusedDecision, RevisionField, Wish
from app.pages.review import QueueQuery, queue_page, to_queue
from app.problems import Problem, Unprocessable
from app.scores import service as scores

router = APIRouter(prefix="/dashboard/{slug}/review")


@router.post("")
def decide(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    submission: Annotated[uuid.UUID, Form()],
    question: Annotated[str, Form(max_length=16)],
    score: Annotated[float | None, Form(ge=0, allow_inf_nan=False)] = None,
    item: Annotated[list[int], Form(max_length=50)] = [],  # noqa: B006 - FastAPI copies the default
    by_items: Annotated[bool, Form()] = False,
    reason: Annotated[str, Form(max_length=2000)] = "",
    only: Annotated[str, Form(max_length=16)] = "",
    skip: Annotated[int, Form(ge=0, le=100_000)] = 0,
    revision: RevisionField = "",
) -> Response:
    """Set the points, give review items, or confirm the computed points, and show the next question in this place.

    ``by_items``: the question has review items already, so none now means none.
    """
    wish: Wish = "points" if score is not None else "items" if item or by_items else "confirm"
    try:
        basis, comment = conflicts.revision(revision), _comment(reason)
        with database.write() as session:
            if score is not None:
                decision = scores.override(
                    session, viewer, submission, question, score=score, reason=comment, basis=basis
                )
            elif wish == "items":
                decision = scores.give_items(session, viewer, submission, question, item, reason=comment, basis=basis)
            else:
                decision = scores.confirm(session, viewer, submission, question, reason=comment, basis=basis)
    except Problem as problem:
        points = "" if score is None else f"{score:.10g}"
        conflict = conflicts.of_problem(problem, revision, wish, points, reason)
        refusal = RefusedDecision(question, points, reason, conflict, tuple(item))
        query = QueueQuery(question=question, skip=skip, submission=submission, only=only)
        return _refusal_page(request, database, viewer, slug, query, problem, refusal)
    return to_queue(slug, question=only, skip=skip, done=submission, done_question=question, done_revision=decision)


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
    try:
        decision = conflicts.revision(revision)
        with database.write() as session:
            scores.undo(session, viewer, submission, question, decision=decision)
    except Problem as problem:
        refusal = RefusedDecision(question, "", "", conflicts.of_problem(problem, revision, "undo"))
        query = QueueQuery(question=question, submission=submission, only=only)
        return _refusal_page(request, database, viewer, slug, query, problem, refusal)
    return to_queue(slug, submission=submission, question=question, only=only)


def _comment(text: str) -> str:
    """What a grader typed for the student; it may be empty. Raises `Unprocessable` for what no database stores."""
    if "\0" in text:
        raise Unprocessable("A comment cannot have the character NUL. Remove it.")
    return text.strip()


def _refusal_page(
    request: Request,
    database: Database,
    viewer: Viewer,
    slug: str,
    query: QueueQuery,
    problem: Problem,
    refusal: RefusedDecision,
) -> HTMLResponse:
    """The current state of the same question, with the decision that was refused."""
    with database.read() as session:
        return queue_page(request, session, viewer, slug, query, problem, refusal)
