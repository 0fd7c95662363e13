"""Pages of a course: its assignments, its people, its settings."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.api.assignments import assignment_view
from app.auth import access
from app.auth.viewer import Viewer
from app.courses import service
from app.courses.models import Course
from app.courses.names import course_of
from app.courses.schemas import CourseChange
from app.http import request_language
from app.http.authentication import AnyViewer, StaffViewer
from app.http.sessions import Db, ReadSession
from app.language import LANGUAGES
from app.pages import assignment_list, rendering
from app.problems import Problem
from app.users import enrolments, repository
from app.users.models import Role
from app.users.schemas import EnrolmentForm

router = APIRouter(prefix="/courses/{course}")
FIELDS = ("title", "term", "time_zone", "language")


@router.get("")
def home(request: Request, viewer: AnyViewer, session: ReadSession, course: str) -> HTMLResponse:
    """The assignments of a course."""
    tag = request_language.of_request(request)
    rows = [row for row in access.assignments(session, viewer) if course_of(row.slug) == course]
    views = [assignment_view(session, viewer, row, tag) for row in rows]
    return course_page(
        request, "course.html", session, viewer, course, assignment_rows=assignment_list.rows(session, viewer, views)
    )


@router.get("/people")
def people(
    request: Request,
    viewer: StaffViewer,
    session: ReadSession,
    course: str,
    section: Annotated[str, Query(max_length=80)] = "",
    q: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """Everybody of a course, also who dropped it."""
    rows = repository.enrolments(session, course)
    words = q.casefold().split()
    shown = [
        (user, row)
        for user, row in rows
        if section in ("", row.section)
        and all(word in f"{user.login} {user.name} {user.student_id or ''}".casefold() for word in words)
    ]
    return course_page(
        request,
        "course_people.html",
        session,
        viewer,
        course,
        rows=shown,
        total=len(rows),
        sections=sorted({row.section for _, row in rows if row.section}),
        section=section,
        q=q,
    )


@router.get("/people/{login}")
def person(request: Request, viewer: StaffViewer, session: ReadSession, course: str, login: str) -> HTMLResponse:
    """One person of a course, with the form of their enrolment for instructors and admins."""
    return _person(request, session, viewer, course, login)


@router.post("/people/{login}")
def edit_person(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    course: str,
    login: str,
    form: Annotated[EnrolmentForm, Form()],
) -> Response:
    """Change role or section, mark as dropped, or enrol again."""
    access.require_role(viewer, Role.INSTRUCTOR)
    try:
        with database.write() as session:
            user, row = enrolments.find(session, login, course, lock=True)
            enrolments.change(session, user, row, actor=viewer.login, as_admin=viewer.is_admin, **form.changes())
    except Problem as problem:
        with database.read() as session:
            return _person(request, session, viewer, course, login, problem)
    return RedirectResponse(f"/courses/{course}/people/{login}", status_code=303)


@router.get("/settings")
def settings(request: Request, viewer: StaffViewer, session: ReadSession, course: str) -> HTMLResponse:
    """The form of title, term, time zone and language; for admins also what concerns the whole course."""
    access.require_role(viewer, Role.INSTRUCTOR)
    return settings_page(request, session, viewer, course)


@router.post("/settings")
def edit(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    course: str,
    title: Annotated[str, Form(max_length=400)] = "",
    term: Annotated[str, Form(max_length=400)] = "",
    time_zone: Annotated[str, Form(max_length=64)] = "",
    language: Annotated[str, Form(max_length=16)] = "",
    basis: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Change a course, unless somebody else did since the page was made."""
    access.require_role(viewer, Role.INSTRUCTOR)
    wish = {"title": title, "term": term, "time_zone": time_zone.strip(), "language": language or None}
    try:
        change = CourseChange.model_validate(wish)
        with database.write() as session:
            service.edit(session, service.find(session, course), change.changes(), actor=viewer.login, basis=basis)
    except ValidationError as error:
        wrong = wrong_fields(error)
        with database.read() as session:
            return settings_page(request, session, viewer, course, wish=wish, wrong=wrong, status=422)
    except Problem as problem:
        with database.read() as session:
            return settings_page(request, session, viewer, course, problem, wish=wish)
    return RedirectResponse(f"/courses/{course}/settings", status_code=303)


def course_page(
    request: Request,
    template: str,
    session: Session,
    viewer: Viewer,
    slug: str,
    problem: Problem | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page of a course with its heading and tabs."""
    course: Course = service.find(session, slug)
    may_edit = viewer.role in (Role.INSTRUCTOR, Role.ADMIN)
    return rendering.page(
        request, template, viewer=viewer, problem=problem, course=course, may_edit=may_edit, **context
    )


def settings_page(
    request: Request,
    session: Session,
    viewer: Viewer,
    slug: str,
    problem: Problem | None = None,
    wish: dict[str, str | None] | None = None,
    wrong: frozenset[str] = frozenset(),
    **context: Any,
) -> HTMLResponse:
    """The settings; after a ``problem``, or with ``wrong`` fields, the form has what was wanted."""
    course = service.find(session, slug)
    return course_page(
        request,
        "course_settings.html",
        session,
        viewer,
        slug,
        problem,
        wish=wish or {name: getattr(course, name) for name in FIELDS},
        wrong=wrong,
        basis=service.stamp(course),
        languages=LANGUAGES,
        **context,
    )


def wrong_fields(error: ValidationError) -> frozenset[str]:
    """The fields of a form that are not valid."""
    return frozenset(str(item["loc"][0]) for item in error.errors())


def _person(
    request: Request, session: Session, viewer: Viewer, course: str, login: str, problem: Problem | None = None
) -> HTMLResponse:
    user, row = enrolments.find(session, login, course)
    return course_page(
        request,
        "course_person.html",
        session,
        viewer,
        course,
        problem,
        person=user,
        row=row,
        basis=enrolments.stamp(row),
        course_roles=[role for role in enrolments.ROLES if viewer.is_admin or role is not Role.INSTRUCTOR],
        is_fixed=not viewer.is_admin and (row.role is Role.INSTRUCTOR or user.login == viewer.login),
    )
