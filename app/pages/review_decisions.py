"""Decisions at the review desk: set points and undo them; the queue shows the next item."""

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
from app.pages.conflicts import Conflict, RevisionField
from app.pages.review import QueueQuery, queue_page, to_queue
from app.problems import Problem
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
    decision = conflicts.revision(revision)
    try:
        with database.write() as session:
            scores.undo(session, viewer, submission, question, decision=decision)
    except scores.ChangedMeanwhile as problem:
        conflict = conflicts.of_problem(problem, revision, "undo")
        query = QueueQuery(question=question, submission=submission, only=only)
        return _conflict_page(request, database, viewer, slug, query, problem, conflict)
    return to_queue(slug, submission=submission, question=question, only=only)


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
        return queue_page(request, session, viewer, slug, query, problem, conflict)
