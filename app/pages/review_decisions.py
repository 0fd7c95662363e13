"""Decisions at the review desk: confirm or set points, and undo it; the queue shows the next item."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http.authentication import StaffViewer
from app.http.sessions import Db
from app.pages import conflicts
from app.pages.conflicts import RefusedDecision, RevisionField, Wish
from app.pages.login import local
from app.pages.review import QueueQuery, queue_page, to_queue
from app.problems import Problem, Unprocessable
from app.scores import service as scores
from app.scores.comments import service as comments

router = APIRouter(prefix="/dashboard/{slug}/review")


class EmptyComment(Unprocessable):
    """The comment is empty. Write it first."""

    slug = "empty-comment"


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
    action: Annotated[Literal["save", "comment"], Form()] = "save",
    saved: Annotated[str, Form(max_length=10)] = "",
    keep: Annotated[bool, Form()] = False,
    reason: Annotated[str, Form(max_length=2000)] = "",
    only: Annotated[str, Form(max_length=16)] = "",
    skip: Annotated[int, Form(ge=0, le=100_000)] = 0,
    revision: RevisionField = "",
) -> Response:
    """Set the points, give review items, or confirm the computed points, and show the next question in this place.

    The action ``comment`` only comments, and shows the same question again. ``by_items``: the question has review items
    already, so none now means none. ``saved`` is a saved comment to put before ``reason``; ``keep`` saves the comment.
    """
    wish: Wish = "points" if score is not None else "items" if item or by_items else "confirm"
    try:
        basis = conflicts.revision(revision)
        with database.write() as session:
            comment = _comment(session, slug, saved, reason)
            if keep and comment:
                comments.save(session, viewer, slug, question, comment)
            if action == "comment":
                _add_comment(session, viewer, submission, question, comment)
                return to_queue(slug, submission=submission, question=question, only=only)
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


@router.post("/comments/{comment_id}/remove")
def remove_comment(
    viewer: StaffViewer,
    database: Db,
    slug: str,
    comment_id: Annotated[int, Path(ge=1, le=2**31 - 1)],
    submission: Annotated[uuid.UUID, Form()],
    back: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Remove a comment from a report, and lead back to where it was read."""
    with database.write() as session:
        comments.remove(session, viewer, submission, comment_id)
    return RedirectResponse(local(back) if back else f"/dashboard/{quote(slug)}", status_code=303)


def _comment(session: Session, slug: str, saved: str, text: str) -> str:
    """The comment for the student: a saved one if chosen, and what was typed; it may be empty.

    Raises `Unprocessable` for what no database stores.
    """
    if "\0" in text:
        raise Unprocessable("A comment cannot have the character NUL. Remove it.")
    chosen = [row.text for row in comments.saved(session, slug) if str(row.id) == saved]
    return "\n".join(part for part in (*chosen, text.strip()) if part)


def _add_comment(session: Session, viewer: Viewer, submission: uuid.UUID, question: str, text: str) -> None:
    if not text:
        raise EmptyComment
    comments.add(session, viewer, submission, question, text)


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
