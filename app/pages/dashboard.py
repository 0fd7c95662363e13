"""Pages of the staff: the class as a table, and one student with every attempt."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.http import request_language
from app.http.authentication import StaffViewer
from app.http.sessions import Db, ReadSession
from app.pages import assignment_list, charts, compare, conflicts, rendering, source
from app.pages.class_pages import class_page, class_snapshot
from app.pages.class_view import PAGE_ROWS, ClassView
from app.pages.conflicts import RefusedDecision, RevisionField
from app.pages.submission import STOP_POLLING, report_context
from app.presenting import filters
from app.problems import Problem, Unprocessable
from app.reports import service as reports
from app.reports.schemas import Report
from app.scores import repository as score_repository
from app.scores import service as scores
from app.scores.class_records import ClassSnapshot
from app.submissions import repository as submission_repository
from app.submissions import service as submissions
from app.submissions.models import State
from app.users import service as users
from grader import data
from grader.assignment import Assignment
from grader.checks import registry
from grader.scoring import Verdict

router = APIRouter(prefix="/dashboard")
_ATTEMPTS = 200


@router.get("")
def first(viewer: StaffViewer, session: ReadSession) -> Response:
    """Lead to the class of the first assignment, or to the start page if there is none."""
    current = assignments.all_current(session)
    return RedirectResponse(f"/dashboard/{quote(current[0].slug)}" if current else "/", status_code=303)


@router.get("/{slug}")
def class_table(
    request: Request, viewer: StaffViewer, session: ReadSession, slug: str, view: Annotated[ClassView, Query()]
) -> HTMLResponse:
    """Students by question, with the attempt that counts, and the class in charts."""
    tag = request_language.of_request(request)
    snapshot = class_snapshot(request, session, slug)
    definition = snapshot.assignment
    selected = view.select(snapshot.standings)
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
        selected=len(selected),
        rows=selected[(page - 1) * PAGE_ROWS : page * PAGE_ROWS],
        page=page,
        pages=pages,
        states=list(State),
        slugs=[row.slug for row in assignments.all_current(session)],
        verdicts=[verdict for verdict in Verdict if verdict is not Verdict.WITHHELD],
        view=view,
        mistake=charts.sentence(view.mistake, tag) if view.mistake else None,
        charts=charts.draw(snapshot, tag),
        baselines=_baselines(definition),
    )


@router.get("/{slug}/students/{login}")
def student(
    request: Request, viewer: StaffViewer, session: ReadSession, slug: str, login: str, attempt: int | None = None
) -> HTMLResponse:
    """One student: every attempt, and one of them with its source, its evidence and the points to set."""
    return _student(request, session, viewer, slug, login, attempt)


@router.get("/{slug}/submissions/{submission_id}/report")
def report(
    request: Request, viewer: StaffViewer, session: ReadSession, slug: str, submission_id: uuid.UUID
) -> HTMLResponse:
    """The report with the forms of the staff, as a fragment of its page."""
    tag = request_language.of_request(request)
    context = _staff_context(session, viewer, reports.load_report(session, viewer, submission_id, tag), slug, tag)
    status = STOP_POLLING if context["finished"] else 200
    return rendering.page(request, "report.html", status, viewer=viewer, slug=slug, overridable=True, **context)


@router.post("/{slug}/submissions/{submission_id}/questions/{number}")
def override(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    submission_id: uuid.UUID,
    number: str,
    score: Annotated[str, Form(max_length=20)] = "",
    reason: Annotated[str, Form(max_length=2000)] = "",
    remove: Annotated[str, Form(max_length=1)] = "",
    revision: RevisionField = "",
) -> Response:
    """Set the points of a question by hand, or return to the computed ones."""
    with database.read() as session:
        report = reports.load_report(session, viewer, submission_id, "en")
    try:
        basis = conflicts.revision(revision)
        with database.write() as session:
            if remove:
                scores.remove_override(session, viewer, submission_id, number, basis=basis)
            else:
                points = _points(score)
                scores.override(
                    session, viewer, submission_id, number, score=points, reason=_reason(reason), basis=basis
                )
    except Problem as problem:
        conflict = conflicts.of_problem(problem, revision, "computed" if remove else "points", score, reason)
        refusal = RefusedDecision(number, score, reason, conflict)
        with database.read() as session:
            return _student(request, session, viewer, slug, report.student, report.attempt, problem, refusal)
    location = f"/dashboard/{quote(slug)}/students/{quote(report.student)}?attempt={report.attempt}#q-{quote(number)}"
    return RedirectResponse(location, status_code=303)


def _baselines(definition: Assignment) -> Mapping[str, float]:
    """The baselines on the data set of this assignment, which the class's accuracies are compared with."""
    measured = (question for question in definition.questions if "accuracy" in registry.of(question).facts)
    return next((definition.baselines_on(data.name_for(question.options)) for question in measured), {})


@lru_cache(maxsize=8)
def _class_numbers(snapshot: ClassSnapshot) -> Mapping[str, Any]:
    """The numbers in the line above the charts."""
    graded = snapshot.graded
    return {
        "total": len(snapshot.standings),
        "handed_in": sum(standing.counting is not None for standing in snapshot.standings),
        "to_review": sum(attempt.needs_review for attempt in graded),
        "mean": sum(attempt.score for attempt in graded) / len(graded) if graded else None,
    }


def _points(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Unprocessable(f"{text!r} is not a number of points.") from None


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or "\0" in reason:
        raise Unprocessable("An override needs a reason; the student reads it.")
    return reason


def _student(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    login: str,
    attempt: int | None,
    problem: Problem | None = None,
    refusal: RefusedDecision | None = None,
) -> HTMLResponse:
    tag = request_language.of_request(request)
    person = users.find(session, login)
    definition = assignments.definition(assignments.current(session, slug))
    attempts = reports.list_submissions(session, viewer, assignment=slug, student=login, limit=_ATTEMPTS)
    chosen = next((row for row in attempts.items if attempt in (None, row.attempt)), None)
    if chosen is None and attempt is not None:
        raise submissions.SubmissionNotFound
    report = reports.load_report(session, viewer, chosen.id, tag) if chosen else None
    return rendering.page(
        request,
        "student.html",
        viewer=viewer,
        slug=slug,
        person=person,
        title=filters.localised(definition.title, tag),
        attempts=attempts.items,
        counting=assignment_list.counting(session, viewer, person.id, slug),
        problem=problem,
        refusal=refusal,
        sources=_sources(session, viewer, report) if report else [],
        runs=submission_repository.runs(session, report.id) if report else [],
        overrides=score_repository.override_history(session, report.id) if report else [],
        context=_staff_context(session, viewer, report, slug, tag) if report else None,
    )


def _staff_context(session: Session, viewer: Viewer, report: Report, slug: str, tag: str) -> dict[str, Any]:
    fragment = f"/dashboard/{quote(slug)}/submissions/{report.id}/report"
    back = f"/dashboard/{quote(slug)}/students/{quote(report.student)}?attempt={report.attempt}"
    return report_context(session, viewer, report, tag) | {"fragment": fragment, "back": back}


def _sources(session: Session, viewer: Viewer, report: Report) -> list[source.Source]:
    return [source.of_part(part, text) for part, text in compare.text_parts(session, viewer, report)]
