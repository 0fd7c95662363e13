"""The points that reached the learning platform, the faults of the others, and sending again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.assignments import service as assignments
from app.audit import service as audit
from app.http.authentication import StaffViewer
from app.http.sessions import Db, ReadSession
from app.lti import deliveries
from app.pages.class_pages import class_page

router = APIRouter(prefix="/dashboard/{slug}/lti")
_ROWS = 500
"""The page lists this many rows, those in trouble first, and counts the others."""


@router.get("")
def passbacks(request: Request, viewer: StaffViewer, session: ReadSession, slug: str) -> HTMLResponse:
    """The students whose points go to a platform."""
    definition = assignments.definition(assignments.current(session, slug))
    rows = deliveries.by_urgency(session, slug)
    return class_page(
        request,
        "lti_passbacks.html",
        session,
        viewer,
        definition,
        rows=rows[:_ROWS],
        more=max(0, len(rows) - _ROWS),
        troubled=deliveries.count_failing(rows),
    )


@router.post("")
def send_again(
    viewer: StaffViewer, database: Db, slug: str, passback: Annotated[int | None, Form(ge=1, le=2**31 - 1)] = None
) -> Response:
    """Send one student's points again, or all points that did not arrive."""
    with database.write() as session:
        assignments.current(session, slug)
        count = deliveries.send_again(session, slug, passback)
        audit.record(session, viewer.login, "lti.send", slug, passback=passback, count=count)
    return RedirectResponse(f"/dashboard/{slug}/lti", status_code=303)
