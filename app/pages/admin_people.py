"""People, tokens and login links: search, add, import after a preview, create and revoke. A secret shows once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.audit import service as audit
from app.auth import access
from app.auth import service as auth
from app.auth.viewer import Viewer
from app.courses import repository as courses
from app.courses.names import FIRST
from app.http.authentication import AdminViewer
from app.http.public_address import public_address
from app.http.sessions import Db, ReadSession
from app.pages import admin_secrets, rendering
from app.problems import Conflict, Problem, Unprocessable
from app.users import enrolments, repository, service
from app.users.models import Role, User
from app.users.schemas import NewUser

router = APIRouter(prefix="/admin/people")
_ROWS = 100
Course = Annotated[str, Form(max_length=16)]
"""The course of a form, where there are several."""
_ROLES = (Role.STUDENT, Role.TA, Role.ADMIN)


class NoLogin(Unprocessable):
    """The login has characters that are not allowed."""

    slug = "no-login"


@router.get("")
def people(
    request: Request,
    viewer: AdminViewer,
    session: ReadSession,
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[str, Query(max_length=80)] = "",
    course: Annotated[str, Query(max_length=16)] = "",
) -> HTMLResponse:
    """The list of people, and the forms to add more."""
    rows = repository.search(session, q.strip(), after=after, limit=_ROWS + 1)
    more = rows[_ROWS - 1].login if len(rows) > _ROWS else None
    return rendering.page(
        request,
        "admin_people.html",
        viewer=viewer,
        people=rows[:_ROWS],
        q=q,
        more=more,
        roles=_ROLES,
        courses=[one for one in courses.several(session) if one.archived_at is None],
        chosen_course=course,
        link_days=service.LINK_DAYS,
        most_link_days=service.MOST_LINK_DAYS,
    )


@router.post("")
def add(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    login: Annotated[str, Form(max_length=80)] = "",
    name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[str, Form(max_length=16)] = "",
    student_id: Annotated[str, Form(max_length=80)] = "",
    section: Annotated[str, Form(max_length=80)] = "",
    course: Course = FIRST,
) -> Response:
    """Add one person and show their token."""
    wish = {"login": login.strip(), "name": name, "role": role}
    try:
        new = NewUser.model_validate({**wish, "student_id": student_id.strip() or None, "section": section or None})
        with database.write() as session:
            access.find_course(session, viewer, course)
            user = service.create_user(session, **new.model_dump(), actor=viewer.login, course=course)
            token = service.create_token(session, user, actor=viewer.login)
    except ValidationError as error:
        kind = NoLogin if any(item["loc"][0] == "login" for item in error.errors()) else Unprocessable
        return admin_secrets.tokens(request, viewer, [], kind(faults(error)))
    except Problem as problem:
        return admin_secrets.tokens(request, viewer, [], problem)
    return admin_secrets.tokens(request, viewer, [(user.login, user.name, token.secret)])


@router.post("/links")
def create_links(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    role: Annotated[Role, Form()] = Role.STUDENT,
    days: Annotated[int, Form(ge=1, le=service.MOST_LINK_DAYS)] = service.LINK_DAYS,
    login: Annotated[str, Form(max_length=80)] = "",
    course: Course = FIRST,
) -> HTMLResponse:
    """Create a login link for one person or for everybody with a role, and show the links."""
    with database.write() as session:
        links = service.create_login_links(
            session, actor=viewer.login, logins=[login] if login else [], role=role, days=days, course=course
        )
    base_url = public_address(request)
    rows = [(link.login, link.name, link.address(base_url)) for link in links]
    return admin_secrets.secrets(request, viewer, "links", ("login", "name", "link"), rows)


@router.post("/links/revoke")
def revoke_links(viewer: AdminViewer, database: Db) -> Response:
    """Revoke every login link, and end every browser session that began with one."""
    with database.write() as session:
        service.revoke_login_links(session, actor=viewer.login)
    return RedirectResponse("/admin/people", status_code=303)


@router.get("/{login}")
def person(request: Request, viewer: AdminViewer, session: ReadSession, login: str) -> HTMLResponse:
    """One person, their tokens, and the form to change them."""
    return person_page(request, viewer, session, login)


@router.post("/{login}/edit")
def edit(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    login: str,
    name: Annotated[str, Form(max_length=200)] = "",
    role: Annotated[str, Form(max_length=16)] = "",
    student_id: Annotated[str, Form(max_length=80)] = "",
    basis: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """Change a person, unless somebody else did since the page was made."""
    wish = {"login": login, "name": name, "role": role, "student_id": student_id.strip() or None}
    try:
        new = NewUser.model_validate(wish)
        with database.write() as session:
            user = service.find(session, login)
            if basis and basis != service.stamp(user):
                raise service.UserChanged
            service.edit_user(
                session, user, actor=viewer.login, name=new.name, role=new.role, student_id=new.student_id or ""
            )
    except ValidationError as error:
        with database.read() as session:
            return person_page(request, viewer, session, login, Unprocessable(faults(error)), wish)
    except Conflict as problem:
        with database.read() as session:
            return person_page(request, viewer, session, login, problem, wish)
    return RedirectResponse(f"/admin/people/{user.login}", status_code=303)


@router.post("/{login}/sessions/end")
def end_sessions(viewer: AdminViewer, database: Db, login: str) -> Response:
    """Log a person out of every browser."""
    with database.write() as session:
        user = service.find(session, login)
        auth.end_sessions(session, user.id)
        audit.record(session, viewer.login, "sessions.end", user.login)
    return RedirectResponse(f"/admin/people/{user.login}", status_code=303)


@router.post("/{login}/tokens")
def create_token(request: Request, viewer: AdminViewer, database: Db, login: str) -> HTMLResponse:
    """Create a token, which the page shows this once."""
    with database.write() as session:
        user = service.find(session, login)
        token = service.create_token(session, user, actor=viewer.login)
    return admin_secrets.tokens(request, viewer, [(user.login, user.name, token.secret)])


@router.post("/{login}/tokens/{token_id}/revoke")
def revoke_token(viewer: AdminViewer, database: Db, login: str, token_id: int) -> Response:
    """Revoke a token, and end every browser session that began with it."""
    with database.write() as session:
        user = service.find(session, login)
        if token_id not in {token.id for token in repository.tokens(session, user)}:
            raise service.TokenNotFound
        service.revoke_token(session, token_id, actor=viewer.login)
    return RedirectResponse(f"/admin/people/{user.login}", status_code=303)


def _roles(user: User) -> list[Role]:
    """Where there are several courses: admin of the installation or not. The other roles are the courses'."""
    return [Role.STUDENT if user.role is Role.ADMIN else user.role, Role.ADMIN]


def faults(error: ValidationError) -> str:
    """What is wrong with a form, field by field."""
    return "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())


def person_page(
    request: Request,
    viewer: Viewer,
    session: Session,
    login: str,
    problem: Problem | None = None,
    wish: Mapping[str, str | None] | None = None,
) -> HTMLResponse:
    """The page of a person; after a ``problem`` its form has what was wanted."""
    user = service.find(session, login)
    several = courses.several(session)
    mine = {row.course for row in user.enrolments}
    return rendering.page(
        request,
        "admin_person.html",
        viewer=viewer,
        problem=problem,
        person=user,
        wish=wish or {"name": user.name, "role": user.role, "student_id": user.student_id},
        basis=service.stamp(user),
        roles=_roles(user) if several else [role for role in Role if role in (user.role, *_ROLES)],
        is_admin=user.role is Role.ADMIN,
        courses=several,
        titles={one.slug: one.title for one in several},
        other_courses=[one for one in several if one.slug not in mine and one.archived_at is None],
        archived={one.slug for one in several if one.archived_at is not None},
        course_roles=enrolments.ROLES,
        enrolments=[] if user.role is Role.ADMIN else sorted(user.enrolments, key=lambda row: row.course),
        stamps={row.course: enrolments.stamp(row) for row in user.enrolments},
        tokens=repository.tokens(session, user),
        sessions=auth.count_open_sessions(session, user.id),
    )
