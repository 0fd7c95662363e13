"""Pages of the admins: the courses of the installation."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.courses import repository, service
from app.courses.names import course_of
from app.courses.schemas import NewCourse
from app.http.authentication import AdminViewer
from app.http.sessions import Db, ReadSession
from app.language import LANGUAGES
from app.pages import rendering
from app.pages.courses import wrong_fields
from app.problems import Problem
from app.users import repository as people

router = APIRouter()
_EMPTY = {"slug": "", "title": "", "term": "", "time_zone": "UTC", "language": ""}


@router.get("/admin/courses")
def courses(request: Request, viewer: AdminViewer, session: ReadSession) -> HTMLResponse:
    """Every course, and the form for one more."""
    return _courses(request, session, viewer)


@router.post("/admin/courses")
def create(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    slug: Annotated[str, Form(max_length=80)] = "",
    title: Annotated[str, Form(max_length=400)] = "",
    term: Annotated[str, Form(max_length=400)] = "",
    time_zone: Annotated[str, Form(max_length=64)] = "",
    language: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Add a course without people and assignments."""
    wish = {"slug": slug.strip(), "title": title, "term": term, "time_zone": time_zone.strip() or "UTC"}
    wish["language"] = language
    try:
        new = NewCourse.model_validate({**wish, "language": language or None})
        with database.write() as session:
            service.create(
                session, new.slug, new.title, actor=viewer.login, term=new.term, time_zone=new.time_zone,
                language=new.language,
            )  # fmt: skip
    except ValidationError as error:
        with database.read() as session:
            return _courses(request, session, viewer, wish=wish, wrong=wrong_fields(error))
    except Problem as problem:
        with database.read() as session:
            return _courses(request, session, viewer, problem, wish=wish)
    return RedirectResponse(f"/courses/{new.slug}", status_code=303)


@router.post("/courses/{course}/archive")
def archive(request: Request, viewer: AdminViewer, database: Db, course: str) -> Response:
    """Make a course read-only and put it out of the way."""
    with database.write() as session:
        service.archive(session, service.find(session, course, lock=True), actor=viewer.login)
    return RedirectResponse(f"/courses/{course}/settings", status_code=303)


@router.post("/courses/{course}/restore")
def restore(viewer: AdminViewer, database: Db, course: str) -> Response:
    """Let people work in an archived course again."""
    with database.write() as session:
        service.restore(session, service.find(session, course, lock=True), actor=viewer.login)
    return RedirectResponse(f"/courses/{course}/settings", status_code=303)


def _courses(
    request: Request,
    session: Session,
    viewer: Viewer,
    problem: Problem | None = None,
    wish: dict[str, str] | None = None,
    wrong: frozenset[str] = frozenset(),
) -> HTMLResponse:
    published = [course_of(row.slug) for row in assignments.all_current(session)]
    members = people.members_by_course(session)
    return rendering.page(
        request,
        "admin_courses.html",
        status=422 if wrong else 200,
        viewer=viewer,
        problem=problem,
        rows=[
            (course, published.count(course.slug), members.get(course.slug, 0)) for course in repository.every(session)
        ],
        wish={**_EMPTY, **(wish or {})},
        wrong=wrong,
        languages=LANGUAGES,
    )
