"""The review queue: one question of one hand-in after the other, with everything a person needs to decide."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http import request_language
from app.http.sessions import Db, ReadSession
from app.http.viewers import StaffViewer
from app.pages import compare, conflicts, rendering, source
from app.pages.conflicts import Conflict, RevisionField
from app.pages.dashboard import class_records
from app.pages.submission import report_context
from app.presenting import filters
from app.problems import NotFound, Problem
from app.regrade_requests import service as regrade_requests
from app.reports import service as reports
from app.scores import service as scores
from app.scores.class_records import ClassSnapshot
from app.submissions.models import State
from grader.assignment import PARTS, Question
from grader.scoring import Verdict

router = APIRouter(prefix="/dashboard/{slug}/review")
_STEPS = 4
"""Points are offered in so many equal steps from none to full, by the keys 1 to 5."""


class NoSuchQuestion(NotFound):
    """The assignment has no such question."""

    slug = "question-not-found"


@dataclass(frozen=True)
class Waiting:
    """One question that waits for a person."""

    submission: uuid.UUID
    question: str


@router.get("")
def queue(
    request: Request,
    viewer: StaffViewer,
    session: ReadSession,
    slug: str,
    question: Annotated[str, Query(max_length=16)] = "",
    skip: Annotated[int, Query(ge=0, le=100_000)] = 0,
    submission: uuid.UUID | None = None,
    only: Annotated[str, Query(max_length=16)] = "",
    done: uuid.UUID | None = None,
    done_question: Annotated[str, Query(max_length=16)] = "",
    done_revision: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """The next question that needs a person, or the one of ``submission``, from where the queue goes on.

    The queue holds one ``question``, or every one; beside ``submission``, ``only`` says which. ``done`` can be undone.
    """
    undoable = {"done": done, "done_question": done_question, "done_revision": done_revision}
    return _queue(
        request,
        session,
        viewer,
        slug,
        question=question,
        skip=skip,
        submission=submission,
        only=only,
        undoable=undoable,
    )


def _queue(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    *,
    question: str,
    skip: int = 0,
    submission: uuid.UUID | None = None,
    only: str = "",
    undoable: Mapping[str, Any] = MappingProxyType({"done": None}),
    problem: Problem | None = None,
    conflict: Conflict | None = None,
) -> HTMLResponse:
    tag = request_language.of_request(request)
    snapshot = class_records(request).snapshot(session, slug)
    only = only if submission else question
    waiting = _waiting(snapshot, only)
    at = min(skip, max(len(waiting) - 1, 0))
    chosen = Waiting(submission, question) if submission else waiting[at] if waiting else None
    queued = chosen in waiting
    if submission:
        at = next((place for place, item in enumerate(waiting) if item == chosen), at)
    context: dict[str, Any] = {}
    if chosen is not None:
        report = reports.load_report(session, viewer, chosen.submission, tag)
        shown = report_context(session, report, tag)
        asked = next((item for item in shown["report"]["questions"] if item["number"] == chosen.question), None)
        if asked is None:
            raise NoSuchQuestion
        rubric = snapshot.assignment.question(chosen.question)
        texts = compare.text_parts(session, viewer, report)
        context = {
            "report": shown["report"],
            "question": asked,
            "requests": shown["requests"],
            "back": f"/dashboard/{slug}/requests",
            "steps": _steps(asked["max_score"]),
            "sources": {name: source.to_html(name, text) for name, text in _in_order(texts, rubric).items()},
        }
    return rendering.page(
        request,
        "review.html",
        viewer=viewer,
        slug=slug,
        title=filters.localised(snapshot.assignment.title, tag),
        numbers=[item.number for item in snapshot.assignment.questions],
        only=only,
        waiting=len(waiting),
        at=at,
        following=at + 1 if queued else at,
        problem=problem,
        conflict=conflict,
        **undoable,
        open_requests=regrade_requests.count_open(session, slug),
        **context,
    )


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
    """Give the points and go on with the next one, which has moved into this one's place."""
    basis = conflicts.revision(revision)
    try:
        with database.write() as session:
            decision = scores.override(
                session, viewer, submission, question, score=score, reason=reason.strip(), basis=basis
            )
    except scores.ChangedMeanwhile as problem:
        conflict = conflicts.of_problem(problem, revision, "points", f"{score:.10g}", reason)
        return _again(request, database, viewer, slug, submission, question, only, problem, conflict, skip)
    return _back(slug, question=only, skip=skip, done=submission, done_question=question, done_revision=decision)


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
    """Take the last points back, if nobody has decided since, and show that question again."""
    decision = conflicts.revision(revision)
    try:
        with database.write() as session:
            scores.undo(session, viewer, submission, question, decision=decision)
    except scores.ChangedMeanwhile as problem:
        conflict = conflicts.of_problem(problem, revision, "undo")
        return _again(request, database, viewer, slug, submission, question, only, problem, conflict)
    return _back(slug, submission=submission, question=question, only=only)


def _again(
    request: Request,
    database: Database,
    viewer: Viewer,
    slug: str,
    submission: uuid.UUID,
    question: str,
    only: str,
    problem: Problem,
    conflict: Conflict | None,
    skip: int = 0,
) -> HTMLResponse:
    """The same question again, as it is now, with what was wanted."""
    with database.read() as session:
        return _queue(
            request,
            session,
            viewer,
            slug,
            question=question,
            skip=skip,
            submission=submission,
            only=only,
            problem=problem,
            conflict=conflict,
        )


@lru_cache(maxsize=64)
def _waiting(snapshot: ClassSnapshot, question: str) -> tuple[Waiting, ...]:
    """What waits in the attempts that count: question by question, so that one rule is applied at a time."""
    graded = [one.counting for one in snapshot.standings if one.counting and one.counting.state is State.GRADED]
    graded.sort(key=lambda attempt: attempt.submitted_at)
    numbers = [item.number for item in snapshot.assignment.questions if question in ("", item.number)]
    return tuple(
        Waiting(attempt.submission, number)
        for number in numbers
        for attempt in graded
        if (cell := attempt.cells.get(number)) and cell.verdict is Verdict.NEEDS_REVIEW
    )


def _steps(full: float) -> list[float]:
    # With the decimals that points are shown with: a button gives what it says.
    return [*(round(full * step / _STEPS, 2) for step in range(_STEPS)), full]


def _in_order(texts: dict[str, str], question: Question) -> dict[str, str]:
    """The parts that the question is graded from come first, then the code."""
    return {
        name: texts[name] for name in sorted(texts, key=lambda name: (name not in question.parts, PARTS.index(name)))
    }


def _back(slug: str, **query: object) -> RedirectResponse:
    told = urlencode({name: value for name, value in query.items() if value not in ("", 0)})
    return RedirectResponse(f"/dashboard/{slug}/review?{told}", status_code=303)
