"""Pages of the staff: one student with every attempt, and the neighbours in the class table."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import Field
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.courses.names import course_of
from app.http import request_language
from app.http.authentication import StaffViewer
from app.http.sessions import Db, ReadSession
from app.pages import compare, conflicts, decision_forms, rendering, source
from app.pages.class_pages import class_snapshot
from app.pages.class_view import PAGE_ROWS, ClassView
from app.pages.conflicts import RefusedDecision, RevisionField
from app.pages.submission import STOP_POLLING, report_context
from app.presenting import filters
from app.problems import Problem, Unprocessable
from app.reports import service as reports
from app.reports.schemas import Report
from app.scores import repository as score_repository
from app.scores import service as scores
from app.scores.class_records import StudentStanding
from app.submissions import repository as submission_repository
from app.submissions import service as submissions
from app.users import service as users

router = APIRouter(prefix="/dashboard")
_ATTEMPTS = 200


class StudentQuery(ClassView):
    """The attempt to show, by default the one that counts; and the class table that the page was opened from."""

    attempt: Annotated[int | None, Field(ge=1)] = None


@dataclass(frozen=True)
class Neighbours:
    """The place of a student in the table that the page was opened from, and the logins before and after."""

    position: int
    total: int
    before: str | None
    after: str | None

    @property
    def page(self) -> int:
        """The page of the table that has the student."""
        return (self.position - 1) // PAGE_ROWS + 1


@router.get("/{slug}/students/{login}")
def student(
    request: Request,
    viewer: StaffViewer,
    session: ReadSession,
    slug: str,
    login: str,
    query: Annotated[StudentQuery, Query()],
) -> HTMLResponse:
    """One student: every attempt, and one of them with its source, its evidence and the points to set."""
    return student_page(request, session, viewer, slug, login, query)


@router.get("/{slug}/submissions/{submission_id}/report")
def report(
    request: Request,
    viewer: StaffViewer,
    session: ReadSession,
    slug: str,
    submission_id: uuid.UUID,
    view: Annotated[ClassView, Query()],
) -> HTMLResponse:
    """The report with the forms of the staff, as a fragment of its page."""
    tag = request_language.of_request(request)
    report = reports.load_report(session, viewer, submission_id, tag)
    context = _staff_context(session, viewer, report, slug, tag, view.query(page=None))
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
    view: Annotated[ClassView, Query()],
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
                points = decision_forms.points_of(score)
                scores.override(
                    session, viewer, submission_id, number, score=points, reason=_reason(reason), basis=basis
                )
    except Problem as problem:
        conflict = conflicts.of_problem(problem, revision, "computed" if remove else "points", score, reason)
        refusal = RefusedDecision(number, score, reason, conflict)
        with database.read() as session:
            query = StudentQuery(**{**view.model_dump(), "attempt": report.attempt})
            return student_page(request, session, viewer, slug, report.student, query, problem, refusal=refusal)
    query_string = view.query(attempt=report.attempt)
    location = f"/dashboard/{quote(slug)}/students/{quote(report.student)}?{query_string}#q-{quote(number)}"
    return RedirectResponse(location, status_code=303)


def _reason(text: str) -> str:
    reason = text.strip()
    if not reason or "\0" in reason:
        raise Unprocessable("An override needs a reason; the student reads it.")
    return reason


def student_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    login: str,
    query: StudentQuery,
    problem: Problem | None = None,
    *,
    refusal: RefusedDecision | None = None,
    typed: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """The page of a student, with a problem if there is one. Raises `UserNotFound` or `SubmissionNotFound`."""
    tag = request_language.of_request(request)
    person = users.find_member(session, login, course_of(slug))
    definition = assignments.definition(assignments.current(session, slug))
    attempts = reports.list_submissions(session, viewer, assignment=slug, student=login, limit=_ATTEMPTS)
    standings = class_snapshot(request, session, slug).standings
    standing = next((one for one in standings if one.login == person.login), None)
    chosen = standing.counting.submission if standing and standing.counting else None
    counting = next((row for row in attempts.items if row.id == chosen), None)
    if query.attempt is not None:
        chosen = next((row.id for row in attempts.items if row.attempt == query.attempt), None)
        if chosen is None:
            raise submissions.SubmissionNotFound
    report = reports.load_report(session, viewer, chosen, tag) if chosen else None
    table_query, zone = query.query(attempt=None), request.app.state.settings.zone
    return rendering.page(
        request,
        "student.html",
        viewer=viewer,
        slug=slug,
        person=person,
        title=filters.localised(definition.title, tag),
        attempts=attempts.items,
        counting=counting,
        neighbours=_neighbours(standings, person.login, query, zone),
        decisions=decision_forms.context(session, definition, person.id, zone, typed or {}),
        view=query,
        table_query=f"?{table_query}" if table_query else "",
        problem=problem,
        refusal=refusal,
        sources=_sources(session, viewer, report) if report else [],
        runs=submission_repository.runs(session, report.id) if report else [],
        overrides=score_repository.override_history(session, report.id) if report else [],
        context=_staff_context(session, viewer, report, slug, tag, table_query) if report else None,
    )


def _neighbours(standings: Sequence[StudentStanding], login: str, query: ClassView, zone: tzinfo) -> Neighbours | None:
    """The place of a student in the table. One who no longer matches its filters, such as after a review, keeps it.

    ``None`` for staff who have submitted nothing, who are in no table.
    """
    selected = query.select(standings, zone, also=login)
    at = next((index for index, standing in enumerate(selected) if standing.login == login), None)
    if at is None:
        return None
    before = selected[at - 1].login if at else None
    after = selected[at + 1].login if at + 1 < len(selected) else None
    return Neighbours(at + 1, len(selected), before, after)


def _staff_context(
    session: Session, viewer: Viewer, report: Report, slug: str, tag: str, table_query: str
) -> dict[str, Any]:
    suffix = f"?{table_query}" if table_query else ""
    fragment = f"/dashboard/{quote(slug)}/submissions/{report.id}/report{suffix}"
    back = f"/dashboard/{quote(slug)}/students/{quote(report.student)}?attempt={report.attempt}"
    context = {"fragment": fragment, "back": back, "table_query": suffix}
    return report_context(session, viewer, report, tag) | context


def _sources(session: Session, viewer: Viewer, report: Report) -> list[source.Source]:
    return [source.of_part(part, text) for part, text in compare.text_parts(session, viewer, report)]
