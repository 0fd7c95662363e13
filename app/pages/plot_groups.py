"""Plots in groups: near-identical pictures, pictures without a curve, and one decision for a group of them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.http.authentication import StaffViewer
from app.http.sessions import Db, ReadSession
from app.pages import conflicts
from app.pages.class_pages import class_page, class_snapshot
from app.pages.decision_forms import points_of
from app.problems import NotFound, Problem, Unprocessable
from app.scores import repository as score_repository
from app.scores import service as scores
from app.scores.claims import service as claims
from app.scores.class_records import ClassSnapshot
from app.scores.groups import repository as group_repository
from app.scores.groups import service as groups
from app.scores.groups.service import GroupPreview
from app.scores.standing import Revision
from app.similarity.pictures import PictureIndex, Plot, PlotGroups, questions_with_plots
from app.submissions import service as submissions
from grader.assignment import Question

router = APIRouter(prefix="/dashboard/{slug}/plots")
PAGE_PLOTS = 60
_LATEST = 20
_STEPS = 4
"""Points are offered in this many equal steps from none to full."""


class NoSuchGroup(NotFound):
    """No group of plots has this submission any more. Open the groups again."""

    slug = "plot-group-not-found"


@dataclass(frozen=True)
class Refusal:
    """A refused group decision as it was typed, for the form to show again."""

    score: str
    reason: str
    chosen: frozenset[uuid.UUID]


@router.get("")
def overview(request: Request, viewer: StaffViewer, session: ReadSession, slug: str) -> HTMLResponse:
    """The groups of each question with plots, and the last group decisions."""
    snapshot = class_snapshot(request, session, slug)
    questions = questions_with_plots(snapshot.assignment.questions)
    return class_page(
        request,
        "plot_groups.html",
        session,
        viewer,
        snapshot.assignment,
        all_groups=[_index(request).groups(session, snapshot, question) for question in questions],
        decisions=group_repository.latest(session, slug, _LATEST),
    )


@router.get("/decisions/{decision_id}")
def decision(request: Request, viewer: StaffViewer, session: ReadSession, slug: str, decision_id: int) -> HTMLResponse:
    """A group decision: the submissions that got its points, and those that kept theirs."""
    return _decision_page(request, session, viewer, slug, decision_id)


@router.post("/decisions/{decision_id}/undo")
def undo(request: Request, viewer: StaffViewer, database: Db, slug: str, decision_id: int) -> Response:
    """Undo a group decision, apart from members with a later decision."""
    try:
        with database.write() as session:
            groups.undo(session, viewer, slug, decision_id)
    except groups.AlreadyUndone as problem:
        with database.read() as session:
            return _decision_page(request, session, viewer, slug, decision_id, problem)
    return RedirectResponse(f"/dashboard/{slug}/plots/decisions/{decision_id}", status_code=303)


@router.get("/{number}/{submission_id}")
def group(
    request: Request,
    viewer: StaffViewer,
    session: ReadSession,
    slug: str,
    number: str,
    submission_id: uuid.UUID,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
) -> HTMLResponse:
    """The thumbnails of the group with this submission, and the form for one decision."""
    return _group_page(request, session, viewer, slug, number, submission_id, page)


@router.post("/{number}/{submission_id}")
def decide(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    number: str,
    submission_id: uuid.UUID,
    score: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    member: Annotated[list[Annotated[str, Form(max_length=200)]] | None, Form(max_length=PAGE_PLOTS)] = None,
    page: Annotated[int, Form(ge=1, le=10_000)] = 1,
    step: Annotated[Literal["preview", "back", "decide"], Form()] = "preview",
) -> Response:
    """Set the points of the ticked plots; those that changed since the page was made keep theirs and are named.

    The first ``step`` shows how many students the decision would change, and asks.
    """
    bases: Mapping[uuid.UUID, Revision] = {}
    try:
        bases = _bases(member or [])
        typed = Refusal(score, reason, frozenset(bases))
        if step == "back":
            with database.read() as session:
                return _group_page(request, session, viewer, slug, number, submission_id, page, None, typed)
        points, text = points_of(score), _reason(reason)
        if step == "preview":
            with database.read() as session:
                effect = groups.preview(session, viewer, slug, number, bases, score=points)
                return _preview_page(request, session, viewer, slug, number, submission_id, page, typed, bases, effect)
        with database.write() as session:
            decided = groups.decide(session, viewer, slug, number, bases, score=points, reason=text)
            location = f"/dashboard/{slug}/plots/decisions/{decided.id}"
    except Unprocessable as problem:
        refusal = Refusal(score, reason, frozenset(bases))
        with database.read() as session:
            return _group_page(request, session, viewer, slug, number, submission_id, page, problem, refusal)
    return RedirectResponse(location, status_code=303)


def _preview_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    number: str,
    submission_id: uuid.UUID,
    page: int,
    typed: Refusal,
    bases: Mapping[uuid.UUID, Revision],
    effect: GroupPreview,
) -> HTMLResponse:
    """What the decision would do, its plots once more, and the buttons to decide or to go back."""
    snapshot = class_snapshot(request, session, slug)
    plots = _groups(request, session, snapshot, number).with_submission(submission_id)
    return class_page(
        request,
        "group_preview.html",
        session,
        viewer,
        snapshot.assignment,
        number=number,
        submission_id=submission_id,
        page=page,
        typed=typed,
        points=points_of(typed.score),
        bases=bases,
        effect=effect,
        plots=[plot for plot in plots if plot.submission in bases],
    )


def _group_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    number: str,
    submission_id: uuid.UUID,
    page: int,
    problem: Problem | None = None,
    refusal: Refusal | None = None,
) -> HTMLResponse:
    snapshot = class_snapshot(request, session, slug)
    of_question = _groups(request, session, snapshot, number)
    plots = of_question.with_submission(submission_id)
    if not plots:
        raise NoSuchGroup
    pages = -(-len(plots) // PAGE_PLOTS)
    page = min(page, pages)
    shown = plots[(page - 1) * PAGE_PLOTS : page * PAGE_PLOTS]
    revisions = {plot.submission: _revision(session, viewer, plot, number) for plot in shown}
    full = of_question.question.points
    return class_page(
        request,
        "plot_group.html",
        session,
        viewer,
        snapshot.assignment,
        problem,
        question=of_question.question,
        submission_id=submission_id,
        is_alike=plots in of_question.alike,
        plots=shown,
        count_all=len(plots),
        page=page,
        pages=pages,
        revisions=revisions,
        holders={
            one.submission: one.name or one.login
            for one in claims.open_elsewhere(session, viewer, slug)
            if one.question == number
        },
        refusal=refusal,
        steps=[*(round(full * step / _STEPS, 2) for step in range(_STEPS)), full],
    )


def _decision_page(
    request: Request, session: Session, viewer: Viewer, slug: str, decision_id: int, problem: Problem | None = None
) -> HTMLResponse:
    snapshot = class_snapshot(request, session, slug)
    decided = groups.find(session, slug, decision_id)
    members = group_repository.members(session, decision_id)
    return class_page(
        request,
        "group_decision.html",
        session,
        viewer,
        snapshot.assignment,
        problem,
        decision=decided,
        members=members,
        people=group_repository.students(session, decision_id),
        standing=score_repository.overrides(session, [member.submission_id for member in members]),
    )


def _groups(request: Request, session: Session, snapshot: ClassSnapshot, number: str) -> PlotGroups:
    questions: list[Question] = questions_with_plots(snapshot.assignment.questions)
    question = next((question for question in questions if question.number == number), None)
    if question is None:
        raise NoSuchGroup
    return _index(request).groups(session, snapshot, question)


def _revision(session: Session, viewer: Viewer, plot: Plot, number: str) -> Revision:
    return scores.standing(session, submissions.find(session, viewer, plot.submission), number).revision


def _bases(members: list[str]) -> dict[uuid.UUID, Revision]:
    """The ticked submissions with the revisions that the page showed. Raises `Unprocessable`."""
    bases = {}
    for member in members:
        identifier, _, revision = member.partition(" ")
        basis = conflicts.revision(revision)
        try:
            submission = uuid.UUID(identifier)
        except ValueError:
            submission = None
        if basis is None or submission is None:
            raise Unprocessable(f"{member!r} names no plot and its revision. Open the group again.")
        bases[submission] = basis
    if not bases:
        raise Unprocessable("No plot is ticked. Tick at least one.")
    return bases


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or "\0" in reason:
        raise Unprocessable("A decision needs a reason; the students read it.")
    return reason


def _index(request: Request) -> PictureIndex:
    index: PictureIndex = request.app.state.pictures
    return index
