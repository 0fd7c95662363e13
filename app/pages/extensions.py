"""All later deadlines of an assignment, and the form that gives one to many students at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.db.base import now
from app.http.authentication import StaffViewer
from app.http.sessions import Db, ReadSession
from app.pages.class_pages import class_page, class_snapshot
from app.pages.class_view import ClassView
from app.pages.decision_forms import local_text, moment_of, reason_of
from app.problems import Problem, Unprocessable
from app.submissions.extensions import repository, service

router = APIRouter(prefix="/dashboard/{slug}/extensions")
_MOST_STUDENTS = 5_000


class NoStudents(Unprocessable):
    """No student is named."""

    slug = "no-students"


class ExtensionsQuery(ClassView):
    """The students to fill in: those named, and with ``matching`` all that the filters of the class table show."""

    student: Annotated[list[str], Field(default_factory=list, max_length=_MOST_STUDENTS)]
    matching: bool = False


@router.get("")
def extensions(
    request: Request, viewer: StaffViewer, session: ReadSession, slug: str, query: Annotated[ExtensionsQuery, Query()]
) -> HTMLResponse:
    """The list, and the form with the chosen students."""
    logins = list(query.student)
    if query.matching:
        standings = class_snapshot(request, session, slug).standings
        logins = [standing.login for standing in query.select(standings, request.app.state.settings.zone)]
    return _page(request, session, viewer, slug, "\n".join(logins))


@router.post("")
def extend(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    students: Annotated[str, Form(max_length=200_000)] = "",
    deadline: Annotated[str, Form(max_length=40)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Give all these students a later deadline, or show what hinders it with everything that was typed."""
    logins = list(dict.fromkeys(students.replace(",", " ").split()))
    try:
        if not logins:
            raise NoStudents("Write at least one login.")
        moment, why = moment_of(deadline, request.app.state.settings.zone), reason_of(reason)
        with database.write() as session:
            service.grant_all(session, viewer, slug, logins, moment, why)
    except Problem as problem:
        with database.read() as session:
            return _page(request, session, viewer, slug, students, deadline, reason, problem)
    return RedirectResponse(f"/dashboard/{quote(slug)}/extensions?given={len(logins)}", status_code=303)


def _page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    students: str,
    deadline: str = "",
    reason: str = "",
    problem: Problem | None = None,
) -> HTMLResponse:
    definition = class_snapshot(request, session, slug).assignment
    zone = request.app.state.settings.zone
    due = definition.schedule.deadline
    return class_page(
        request,
        "extensions.html",
        session,
        viewer,
        definition,
        problem,
        rows=repository.of_assignment(session, slug),
        due=due,
        students=students,
        deadline=deadline or (local_text(max(due, now()) + timedelta(days=1), zone) if due else ""),
        reason=reason,
        zone_name=str(zone),
        given=request.query_params.get("given", "") if problem is None else "",
    )
