"""Pages of the admins that copy a course for a next term, and delete one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.course_data import copying, deletion
from app.course_data.schemas import NewCopy
from app.courses import service
from app.http.authentication import AdminViewer
from app.http.sessions import Db, ReadSession
from app.language import LANGUAGES
from app.pages.courses import course_page, wrong_fields
from app.problems import Problem

router = APIRouter(prefix="/courses/{course}")


@router.get("/copy")
def copy_form(request: Request, viewer: AdminViewer, session: ReadSession, course: str) -> HTMLResponse:
    """The form of a new course with the assignments of this one."""
    row = service.find(session, course)
    wish = {"slug": "", "title": row.title, "term": "", "time_zone": row.time_zone, "language": row.language or ""}
    wish["shift_days"] = ""
    return _copy(request, session, viewer, course, wish)


@router.post("/copy")
def copy(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    course: str,
    slug: Annotated[str, Form(max_length=80)] = "",
    title: Annotated[str, Form(max_length=400)] = "",
    term: Annotated[str, Form(max_length=400)] = "",
    time_zone: Annotated[str, Form(max_length=64)] = "",
    language: Annotated[str, Form(max_length=16)] = "",
    shift_days: Annotated[str, Form(max_length=8)] = "",
) -> Response:
    """Create the course, and lead to it."""
    wish = {"slug": slug.strip(), "title": title, "term": term, "time_zone": time_zone.strip(), "language": language}
    wish["shift_days"] = shift_days.strip()
    try:
        new = NewCopy.model_validate({name: value for name, value in wish.items() if value})
        with database.write() as session:
            copying.copy(session, viewer, course, new, shift_days=new.shift_days)
    except ValidationError as error:
        with database.read() as session:
            return _copy(request, session, viewer, course, wish, wrong=wrong_fields(error))
    except Problem as problem:
        with database.read() as session:
            return _copy(request, session, viewer, course, wish, problem)
    return RedirectResponse(f"/courses/{new.slug}", status_code=303)


@router.get("/delete")
def delete_form(request: Request, viewer: AdminViewer, session: ReadSession, course: str) -> HTMLResponse:
    """What deleting a course removes, and the form that asks for its short name."""
    return _delete(request, session, viewer, course)


@router.post("/delete")
def delete(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    course: str,
    confirmation: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Delete an archived course for good."""
    try:
        with database.write() as session:
            deletion.delete(session, course, confirmation.strip(), actor=viewer.login)
    except Problem as problem:
        with database.read() as session:
            return _delete(request, session, viewer, course, problem)
    return RedirectResponse("/admin/courses", status_code=303)


def _copy(
    request: Request,
    session: Session,
    viewer: Viewer,
    course: str,
    wish: dict[str, str],
    problem: Problem | None = None,
    wrong: frozenset[str] = frozenset(),
) -> HTMLResponse:
    return course_page(
        request,
        "course_copy.html",
        session,
        viewer,
        course,
        problem,
        wish=wish,
        wrong=wrong,
        languages=LANGUAGES,
        status=422 if wrong else 200,
    )


def _delete(
    request: Request, session: Session, viewer: Viewer, course: str, problem: Problem | None = None
) -> HTMLResponse:
    return course_page(
        request,
        "course_delete.html",
        session,
        viewer,
        course,
        problem,
        plan=deletion.plan(session, course),
        obstacle=deletion.obstacle(session, course),
    )
