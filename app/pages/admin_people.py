"""People, tokens and login links: search, add, import after a preview, create and revoke. A secret shows once."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.audit import service as audit
from app.auth import service as auth
from app.auth.viewer import Viewer
from app.http.authentication import AdminViewer
from app.http.public_address import public_address
from app.http.sessions import Db, ReadSession
from app.pages import rendering
from app.problems import Conflict, Problem, Unprocessable
from app.scores.table import escape_formula
from app.users import repository, service
from app.users.models import Role
from app.users.schemas import NewUser

router = APIRouter(prefix="/admin/people")
_ROWS = 100
_ROLES = (Role.STUDENT, Role.TA, Role.ADMIN)


class NoLogin(Unprocessable):
    """The login has characters that are not allowed."""

    slug = "no-login"


class _RollBack(Exception):
    """Roll back the transaction of a preview."""


@router.get("")
def people(
    request: Request,
    viewer: AdminViewer,
    session: ReadSession,
    q: Annotated[str, Query(max_length=200)] = "",
    after: Annotated[str, Query(max_length=80)] = "",
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
) -> Response:
    """Add one person and show their token."""
    try:
        new = NewUser.model_validate(
            {"login": login.strip(), "name": name, "role": role, "student_id": student_id.strip() or None}
        )
        with database.write() as session:
            user = service.create_user(
                session, login=new.login, name=new.name, role=new.role, student_id=new.student_id, actor=viewer.login
            )
            token = service.create_token(session, user, actor=viewer.login)
    except ValidationError as error:
        kind = NoLogin if any(item["loc"][0] == "login" for item in error.errors()) else Unprocessable
        return _tokens(request, viewer, [], kind(_faults(error)))
    except Problem as problem:
        return _tokens(request, viewer, [], problem)
    return _tokens(request, viewer, [(user.login, user.name, token.secret)])


@router.post("/links")
def create_links(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    role: Annotated[Role, Form()] = Role.STUDENT,
    days: Annotated[int, Form(ge=1, le=service.MOST_LINK_DAYS)] = service.LINK_DAYS,
    login: Annotated[str, Form(max_length=80)] = "",
) -> HTMLResponse:
    """Create a login link for one person or for everybody with a role, and show the links."""
    with database.write() as session:
        links = service.create_login_links(
            session, actor=viewer.login, logins=[login] if login else [], role=role, days=days
        )
    base_url = public_address(request)
    rows = [(link.login, link.name, link.address(base_url)) for link in links]
    return _secrets(request, viewer, "links", ("login", "name", "link"), rows)


@router.post("/links/revoke")
def revoke_links(viewer: AdminViewer, database: Db) -> Response:
    """Revoke every login link, and end every browser session that began with one."""
    with database.write() as session:
        service.revoke_login_links(session, actor=viewer.login)
    return RedirectResponse("/admin/people", status_code=303)


@router.post("/import")
def import_roster(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    roster: Annotated[str, Form(max_length=2**20)] = "",
    file: Annotated[bytes, File(max_length=2**20)] = b"",
    confirmed: Annotated[str, Form(max_length=1)] = "",
) -> Response:
    """Preview the import of a roster; import it after confirmation. All rows or none."""
    rows: list[service.ImportedRow] = []
    try:
        if file:
            roster = service.roster_text(file)
        with database.write() as session:
            known = {user.login: (user.name, user.student_id) for user in repository.everybody(session)}
            rows = service.import_roster(session, roster, actor=viewer.login)
            if not confirmed:
                raise _RollBack
    except _RollBack:
        changed = {row.login for row in rows if row.token is None and known[row.login] != (row.name, row.student_id)}
        return rendering.page(
            request, "admin_roster.html", viewer=viewer, rows=rows, known=known, changed=changed, roster=roster
        )
    except Problem as problem:
        return _tokens(request, viewer, [], problem, roster)
    return _tokens(request, viewer, [(row.login, row.name, row.token) for row in rows if row.token is not None])


@router.get("/{login}")
def person(request: Request, viewer: AdminViewer, session: ReadSession, login: str) -> HTMLResponse:
    """One person, their tokens, and the form to change them."""
    return _person(request, viewer, session, login)


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
            return _person(request, viewer, session, login, Unprocessable(_faults(error)), wish)
    except Conflict as problem:
        with database.read() as session:
            return _person(request, viewer, session, login, problem, wish)
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
    return _tokens(request, viewer, [(user.login, user.name, token.secret)])


@router.post("/{login}/tokens/{token_id}/revoke")
def revoke_token(viewer: AdminViewer, database: Db, login: str, token_id: int) -> Response:
    """Revoke a token, and end every browser session that began with it."""
    with database.write() as session:
        user = service.find(session, login)
        if token_id not in {token.id for token in repository.tokens(session, user)}:
            raise service.TokenNotFound
        service.revoke_token(session, token_id, actor=viewer.login)
    return RedirectResponse(f"/admin/people/{user.login}", status_code=303)


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())


def _person(
    request: Request,
    viewer: Viewer,
    session: Session,
    login: str,
    problem: Problem | None = None,
    wish: Mapping[str, str | None] | None = None,
) -> HTMLResponse:
    """The page of a person; after a ``problem`` its form has what was wanted."""
    user = service.find(session, login)
    return rendering.page(
        request,
        "admin_person.html",
        viewer=viewer,
        problem=problem,
        person=user,
        wish=wish or {"name": user.name, "role": user.role, "student_id": user.student_id},
        basis=service.stamp(user),
        roles=[role for role in Role if role in (user.role, *_ROLES)],
        tokens=repository.tokens(session, user),
        sessions=auth.count_open_sessions(session, user.id),
    )


def _tokens(
    request: Request,
    viewer: Viewer,
    made: Sequence[tuple[str, str, str]],
    problem: Problem | None = None,
    roster: str = "",
) -> HTMLResponse:
    """The page of new tokens, which are readable only now; or of the problem, with the ``roster`` to correct."""
    lines = roster.split("\n")
    errors = problem.members.get("errors", []) if problem is not None else []
    rejected = [(one["line"], lines[one["line"] - 1 : one["line"]], one["message"]) for one in errors]
    header = ("login", "name", "token")
    return _secrets(request, viewer, "tokens", header, made, roster=roster, rejected=rejected, problem=problem)


def _secrets(
    request: Request,
    viewer: Viewer,
    kind: str,
    header: Iterable[str],
    rows: Sequence[tuple[str, str, str]],
    **context: Any,
) -> HTMLResponse:
    """The page of new secrets, ``tokens`` or ``links``, as CSV."""
    table = io.StringIO()
    safe = ((login, escape_formula(name), secret) for login, name, secret in rows)
    csv.writer(table, lineterminator="\n").writerows([header, *safe])
    return rendering.page(
        request,
        "admin_tokens.html",
        viewer=viewer,
        kind=kind,
        made=len(rows),
        table=table.getvalue(),
        file=base64.b64encode(table.getvalue().encode("utf-8-sig")).decode(),
        **{"roster": "", "rejected": [], **context},
    )
