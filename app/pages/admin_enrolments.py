"""The forms of a person's page that change their role and section in a course, and mark who dropped it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from app.auth import access
from app.http.authentication import AdminViewer
from app.http.sessions import Db
from app.pages import admin_people
from app.problems import Conflict, PreconditionFailed, Problem, Unprocessable
from app.users import enrolments, service
from app.users.models import Role
from app.users.schemas import EnrolmentForm, NewEnrolment

router = APIRouter(prefix="/admin/people")


@router.post("/{login}/enrolments")
def enrol(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    login: str,
    course: Annotated[str, Form(max_length=16)],
    role: Annotated[Role, Form()] = Role.STUDENT,
    section: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Enrol a person in one more course."""
    try:
        with database.write() as session:
            access.find_course(session, viewer, course)
            user = service.find(session, login)
            new = NewEnrolment.model_validate({"login": login, "role": role, "section": section})
            enrolments.add(session, user, course, new.role, new.section, actor=viewer.login)
    except (Conflict, ValidationError) as error:
        problem = error if isinstance(error, Problem) else Unprocessable(admin_people.faults(error))
        with database.read() as session:
            return admin_people.person_page(request, viewer, session, login, problem)
    return RedirectResponse(f"/admin/people/{login}", status_code=303)


@router.post("/{login}/enrolments/{course}")
def edit_enrolment(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    login: str,
    course: str,
    form: Annotated[EnrolmentForm, Form()],
) -> Response:
    """Change role or section in a course, mark as dropped, or enrol again."""
    try:
        with database.write() as session:
            user, row = enrolments.find(session, login, course, lock=True)
            enrolments.change(session, user, row, actor=viewer.login, as_admin=True, **form.changes())
    except (Conflict, PreconditionFailed) as problem:
        with database.read() as session:
            return admin_people.person_page(request, viewer, session, login, problem)
    return RedirectResponse(f"/admin/people/{login}", status_code=303)
