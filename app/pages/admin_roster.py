"""The import of a roster: a preview, then all rows or none."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, File, Form, Request
from fastapi.responses import HTMLResponse, Response

from app.auth import access
from app.auth.viewer import Viewer
from app.courses.models import Course as CourseRow
from app.courses.names import FIRST
from app.http.authentication import AdminViewer
from app.http.sessions import Db
from app.pages import admin_secrets, rendering
from app.problems import Problem
from app.users import importing
from app.users.schemas import RosterPreview

router = APIRouter(prefix="/admin/people")
Course = Annotated[str, Form(max_length=16)]
"""The course of a form, where there are several."""


@router.post("/import")
def import_roster(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    roster: Annotated[str, Form(max_length=2**20)] = "",
    file: Annotated[bytes, File(max_length=2**20)] = b"",
    confirmed: Annotated[str, Form(max_length=1)] = "",
    drop: Annotated[str, Form(max_length=1)] = "",
    missing: Annotated[str, Form(max_length=2**19)] = "",
    course: Course = FIRST,
) -> Response:
    """Preview the import of a roster; import it after confirmation. All rows or none.

    ``missing`` are the logins that the preview showed as missing: nobody else is marked as dropped.
    """
    try:
        if file:
            roster = importing.roster_text(file)
        with database.write() as session:
            found = access.find_course(session, viewer, course)
            plan = importing.plan_roster(session, roster, course)
            if not confirmed and not plan.rejected:
                return _roster_preview(request, viewer, plan, roster, None if course == FIRST else found)
            dropped = missing.split() if drop else []
            rows = importing.import_plan(session, plan, actor=viewer.login, drop=dropped)
    except Problem as problem:
        return admin_secrets.tokens(request, viewer, [], problem, roster, course)
    made = [(row.login, row.name, row.token) for row in rows if row.token is not None]
    return admin_secrets.tokens(request, viewer, made, course=course, imported=len(rows), dropped=len(dropped))


def _roster_preview(
    request: Request, viewer: Viewer, plan: importing.Plan, roster: str, course: CourseRow | None
) -> HTMLResponse:
    """What a roster changes, before it is imported."""
    shown = RosterPreview.of(plan)
    return rendering.page(
        request,
        "admin_roster.html",
        viewer=viewer,
        plan=shown,
        former={row.login: row for row in plan.rows},
        counts=Counter(row.action for row in shown.rows),
        has_sections=any(row.section for row in shown.rows) or any(row.section for row in shown.missing),
        roster=roster,
        course=course,
    )
