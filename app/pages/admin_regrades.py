"""Regrades: start one, follow it, read its changes, publish, revert or cancel it."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http import request_language
from app.http.authentication import AdminViewer
from app.http.sessions import Db, ReadSession
from app.pages import rendering
from app.pages.submission import STOP_POLLING
from app.presenting import filters
from app.problems import Problem
from app.regrades import service, sums
from app.regrades.models import Kind, RegradeState
from app.regrades.schemas import RegradeWish
from app.regrades.selection import Condition
from grader.scoring import Verdict

router = APIRouter(prefix="/admin/regrades")
_CHANGES = 500
"""The page lists this many changes and counts the others; the API has them all."""


@router.get("")
def regrades(request: Request, viewer: AdminViewer, session: ReadSession) -> HTMLResponse:
    """The latest regrades, and the form to start one."""
    return _list_page(request, viewer, session)


@router.post("")
def begin(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    assignment: Annotated[str, Form(min_length=1, max_length=40)],
    kind: Annotated[Kind, Form()],
    question: Annotated[str, Form(max_length=16)] = "",
    verdict: Annotated[Verdict | Literal[""], Form()] = "",
    student: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Start a regrade and show its progress."""
    where = Condition(question=question or None, verdict=verdict or None, student=student.strip() or None)
    wish = RegradeWish(assignment=assignment, kind=kind, where=where, questions=[question] if question else [])
    try:
        with database.write() as session:
            regrade = service.create(session, request.app.state.jobs, viewer, wish)
    except Problem as problem:
        with database.read() as session:
            return _list_page(request, viewer, session, problem)
    return RedirectResponse(f"/admin/regrades/{regrade.id}", status_code=303)


@router.get("/{regrade_id}")
def regrade(request: Request, viewer: AdminViewer, session: ReadSession, regrade_id: uuid.UUID) -> HTMLResponse:
    """The progress of a regrade, and its changes that students would see."""
    return _page(request, viewer, session, regrade_id, "admin_regrade.html")


@router.get("/{regrade_id}/progress")
def progress(request: Request, viewer: AdminViewer, session: ReadSession, regrade_id: uuid.UUID) -> HTMLResponse:
    """The body of the page, for the page's script."""
    page = _page(request, viewer, session, regrade_id, "admin_regrade_body.html")
    if service.find(session, regrade_id).state is not RegradeState.RUNNING:
        page.status_code = STOP_POLLING
    return page


@router.post("/{regrade_id}/{step}")
def take(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    regrade_id: uuid.UUID,
    step: Literal["publish", "revert", "cancel"],
) -> Response:
    """Publish, revert or cancel a regrade, or show the problem."""
    steps = {"publish": service.publish, "revert": service.revert, "cancel": service.cancel}
    try:
        with database.write() as session:
            steps[step](session, viewer, regrade_id)
    except Problem as problem:
        return _refused(request, database, viewer, regrade_id, problem)
    return RedirectResponse(f"/admin/regrades/{regrade_id}", status_code=303)


def _list_page(request: Request, viewer: Viewer, session: ReadSession, problem: Problem | None = None) -> HTMLResponse:
    tag = request_language.of_request(request)
    offered = [assignments.definition(row) for row in assignments.all_current(session)]
    return rendering.page(
        request,
        "admin_regrades.html",
        viewer=viewer,
        regrades=service.newest(session),
        offered=[(one.slug, filters.localised(one.title, tag)) for one in offered],
        numbers=sorted({question.number for one in offered for question in one.questions}),
        kinds=list(Kind),
        verdicts=[verdict for verdict in Verdict if verdict is not Verdict.WITHHELD],
        problem=problem,
    )


def _refused(
    request: Request, database: Database, viewer: Viewer, regrade_id: uuid.UUID, problem: Problem
) -> HTMLResponse:
    with database.read() as session:
        return _page(request, viewer, session, regrade_id, "admin_regrade.html", problem)


def _page(
    request: Request,
    viewer: Viewer,
    session: ReadSession,
    regrade_id: uuid.UUID,
    template: str,
    problem: Problem | None = None,
) -> HTMLResponse:
    changes = service.changes(session, regrade_id)
    return rendering.page(
        request,
        template,
        viewer=viewer,
        regrade=service.view(session, service.find(session, regrade_id)),
        changes=changes[:_CHANGES],
        sums=sums.of_changes(changes),
        more=max(len(changes) - _CHANGES, 0),
        problem=problem,
    )
