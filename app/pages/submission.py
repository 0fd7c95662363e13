"""The live report of one submission, as its student sees it."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.grading import cancelling
from app.http import request_language
from app.http.authentication import AnyViewer
from app.http.sessions import Db, ReadSession
from app.pages import receipt, rendering, report_view
from app.presenting import filters
from app.problems import Problem
from app.regrade_requests import service as regrade_requests
from app.reports import service as reports
from app.reports.schemas import Report

router = APIRouter(prefix="/submissions/{submission_id}")
STOP_POLLING = 286
"""The status with which htmx stops polling a fragment (https://htmx.org/docs/#polling)."""


@router.get("")
def submission(request: Request, viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID) -> HTMLResponse:
    """The report, which updates itself while the grading runs."""
    return report_page(request, session, viewer, submission_id)


@router.post("/cancel")
def cancel(request: Request, viewer: AnyViewer, database: Db, submission_id: uuid.UUID) -> Response:
    """Stop the grading; if it has ended already, show the report with that problem."""
    try:
        with database.write() as session:
            cancelling.cancel(session, viewer, submission_id)
    except cancelling.AlreadyEnded as problem:
        with database.read() as session:
            return report_page(request, session, viewer, submission_id, problem=problem)
    return RedirectResponse(f"/submissions/{submission_id}", status_code=303)


@router.get("/report")
def report(request: Request, viewer: AnyViewer, session: ReadSession, submission_id: uuid.UUID) -> HTMLResponse:
    """The report as a fragment of its page."""
    return report_page(request, session, viewer, submission_id, "report.html")


def report_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    submission_id: uuid.UUID,
    template: str = "submission.html",
    problem: Problem | None = None,
) -> HTMLResponse:
    """The report as its student sees it, below a problem if there is one."""
    tag = request_language.of_request(request)
    report = reports.load_report(session, viewer, submission_id, tag)
    return rendering.page(
        request,
        template,
        STOP_POLLING if template == "report.html" and report.state.ended else 200,
        viewer=viewer,
        problem=problem,
        mine=report.student == viewer.login,
        digest=receipt.digest(report.parts),
        part_lines=receipt.lines(report.parts),
        **report_context(session, viewer, report, tag),
    )


def report_context(session: Session, viewer: Viewer, report: Report, tag: str) -> dict[str, Any]:
    """The context of the report's template in a language."""
    definition = assignments.definition(assignments.current(session, report.assignment))
    data = report.model_dump(mode="json")
    is_own = report.student == viewer.login
    return {
        "report": data | {"questions": report_view.question_rows(report, data["questions"], definition)},
        "title": filters.localised(definition.title, tag),
        "finished": report.state.ended,
        "fragment": f"/submissions/{report.id}/report",
        "requests": regrade_requests.history(session, viewer, report.id),
        "status_text": report_view.status(report, tag),
        "is_measuring": report_view.is_measuring(report),
        "next_step": report_view.next_step(report, definition, tag) if is_own else None,
        "contestable": report_view.contestable(report) if is_own else (),
    }
