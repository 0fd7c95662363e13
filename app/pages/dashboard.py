"""Pages of the staff: the class as a table with its charts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.auth import access
from app.courses.names import own_name
from app.http import request_language
from app.http.authentication import AnyViewer, StaffViewer
from app.http.sessions import ReadSession
from app.pages import charts, course_groups
from app.pages.class_pages import class_page, class_snapshot
from app.pages.class_view import PAGE_ROWS, ClassView
from app.problems import Forbidden
from app.scores.class_records import ClassSnapshot
from app.submissions import repository as submissions
from app.submissions.models import State
from grader import data
from grader.assignment import Assignment
from grader.checks import registry
from grader.scoring import Verdict

router = APIRouter(prefix="/dashboard")
_MARKS = {Verdict.NOT_SUBMITTED: "–", Verdict.PENDING: "…", Verdict.FAULT: "!"}
"""Verdicts without points: their signs in the table differ from 0 without colour."""


@router.get("")
def first(viewer: AnyViewer, session: ReadSession) -> Response:
    """Lead to the class of the newest submission, else of the first assignment, or to the start page without any.

    Raises `Forbidden` for who is staff of no course.
    """
    if not viewer.is_staff_anywhere:
        raise Forbidden("Only the course's staff may do this.")
    slugs = [row.slug for row in access.assignments(session, viewer, as_staff=True)]
    slug = submissions.newest_slug(session, slugs) or next(iter(slugs), None)
    return RedirectResponse(f"/dashboard/{quote(slug)}" if slug else "/", status_code=303)


@router.get("/{slug}")
def class_table(
    request: Request, viewer: StaffViewer, session: ReadSession, slug: str, view: Annotated[ClassView, Query()]
) -> HTMLResponse:
    """Students by question, with the attempt that counts, and the class in charts."""
    tag = request_language.of_request(request)
    snapshot = class_snapshot(request, session, slug)
    definition = snapshot.assignment
    zone: ZoneInfo = request.app.state.settings.zone
    selected = view.select(snapshot.standings, zone)
    pages = max(1, -(-len(selected) // PAGE_ROWS))
    page = min(view.page, pages)
    return class_page(
        request,
        "dashboard.html",
        session,
        viewer,
        definition,
        questions=definition.questions,
        max_score=definition.max_score,
        deadline=definition.schedule.deadline,
        **_class_numbers(snapshot),
        everybody=len(snapshot.standings),
        sections=snapshot.sections,
        selected=len(selected),
        rows=selected[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        page=page,
        pages=pages,
        states=list(State),
        classes=course_groups.group(
            session, [row.slug for row in access.assignments(session, viewer, as_staff=True)], lambda one: one
        ),
        own_name=own_name,
        verdicts=[verdict for verdict in Verdict if verdict is not Verdict.WITHHELD],
        view=view,
        table_query=view.query(),
        MARKS=_MARKS,
        mistake=charts.short_name(view.mistake, tag) if view.mistake else None,
        charts=charts.draw(snapshot, tag, zone),
        zone_name=zone.key,
        baselines=_baselines(definition),
    )


def _baselines(definition: Assignment) -> Mapping[str, float]:
    """The baselines on the data set of this assignment, which the class's accuracies are compared with."""
    measured = (question for question in definition.questions if "accuracy" in registry.of(question).facts)
    return next((definition.baselines_on(data.name_for(question.options)) for question in measured), {})


@lru_cache(maxsize=8)
def _class_numbers(snapshot: ClassSnapshot) -> Mapping[str, Any]:
    """The numbers in the line above the charts."""
    graded = snapshot.graded
    return {
        "total": sum(not standing.dropped for standing in snapshot.standings),
        "handed_in": sum(standing.counting is not None and not standing.dropped for standing in snapshot.standings),
        "to_review": sum(attempt.needs_review for attempt in graded),
        "mean": sum(attempt.score for attempt in graded) / len(graded) if graded else None,
    }
