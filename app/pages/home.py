"""A student's start page: the assignments, the attempts so far, and the form to submit."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.api.assignments import assignment_view
from app.assignments import service as assignments
from app.auth import access
from app.auth.viewer import Viewer
from app.http import request_language
from app.http.authentication import AnyViewer
from app.http.sessions import ReadSession
from app.pages import assignment_list, course_groups, form_state, rendering, submission_form
from app.pages.form_state import FormState
from app.regrade_requests import service as regrade_requests
from app.submissions.excusals import service as excusals
from grader.assignment import Tell

router = APIRouter()


@router.get("/")
def home(
    request: Request,
    viewer: AnyViewer,
    session: ReadSession,
    assignment: str | None = None,
    attempt: Annotated[int | None, Query(alias=submission_form.START)] = None,
    edit: Annotated[str | None, Query(max_length=80)] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> HTMLResponse:
    """Assignments, attempts so far, and the form, which may start from the parts of an attempt.

    ``edit`` is the part whose text stands in the form, ``cursor`` the position in the list of attempts.
    """
    return start_page(request, session, viewer, assignment, FormState(attempt=attempt, edited=edit), cursor)


def start_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str | None,
    state: FormState,
    cursor: str | None = None,
) -> HTMLResponse:
    """The page of an assignment, by default of the first one, with its form in this state."""
    tag = request_language.of_request(request)
    views = [assignment_view(session, viewer, row, tag) for row in access.assignments(session, viewer)]
    if slug is not None:
        assignments.current(session, slug)
    rows = assignment_list.rows(session, viewer, views)
    groups = course_groups.group(session, rows, lambda row: row.view.slug)
    in_order = [row.view for group in groups for row in group.rows]
    chosen = next((view for view in in_order if slug is None or view.slug == slug), None)
    context: dict[str, Any] = {}
    if chosen:
        viewer = access.within_assignment(viewer, chosen.slug)
        definition = assignments.current_definition(session, chosen.slug)
        latest = assignment_list.attempts(session, viewer, chosen.slug)
        shown = latest if cursor is None else assignment_list.attempts(session, viewer, chosen.slug, cursor)
        context = {
            "history": shown.items,
            "older": shown.next_cursor,
            "is_first_page": cursor is None,
            "counting": next(row.counting for row in rows if row.view is chosen),
            "told_later": [question.number for question in chosen.questions if question.tell is not Tell.AT_ONCE],
            "excused": excusals.is_excused(session, chosen.slug, viewer.user_id),
            "asked": regrade_requests.list_requests(session, viewer, assignment=chosen.slug, student=viewer.login),
            **form_state.form_context(session, viewer, definition, chosen, latest.items, state, tag),
        }
    page = rendering.page(
        request,
        "home.html",
        viewer=viewer,
        assignment_groups=groups,
        assignment=chosen,
        problem=state.problem,
        **context,
    )
    page.headers.update(state.problem.headers if state.problem else {})
    return page
