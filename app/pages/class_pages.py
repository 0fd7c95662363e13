"""The common parts of the pages of a class: its cached state, and the context of their navigation."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.http import request_language
from app.pages import hidden_names, rendering
from app.presenting import filters
from app.problems import Problem
from app.regrade_requests import service as regrade_requests
from app.scores.class_cache import ClassCache
from app.scores.class_records import ClassSnapshot
from grader.assignment import Assignment


def class_snapshot(request: Request, session: Session, slug: str) -> ClassSnapshot:
    """The class from the cache of this process. Raises `AssignmentNotFound`."""
    cache: ClassCache = request.app.state.class_cache
    return cache.snapshot(session, slug)


def class_page(
    request: Request,
    template: str,
    session: Session,
    viewer: Viewer,
    assignment: Assignment,
    problem: Problem | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page of a class. Its navigation shows the title and the number of open regrade requests.

    ``student_names`` of its template says how a page of the review names students.
    """
    return rendering.page(
        request,
        template,
        viewer=viewer,
        problem=problem,
        slug=assignment.slug,
        title=filters.localised(assignment.title, request_language.of_request(request)),
        student_names=hidden_names.of_request(request, session, viewer, assignment),
        open_requests=regrade_requests.count_open(session, assignment.slug),
        **context,
    )
