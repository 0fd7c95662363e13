"""Decisions of the staff about one student: a later deadline, an excuse, attempts given back, and notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http.authentication import StaffViewer
from app.http.sessions import Db
from app.pages import student
from app.pages.class_view import ClassView
from app.pages.decision_forms import moment_of, reason_of
from app.problems import Problem, Unprocessable
from app.submissions import quota
from app.submissions.excusals import service as excusals
from app.submissions.extensions import service as extensions
from app.submissions.staff_notes import service as notes

router = APIRouter(prefix="/dashboard/{slug}/students/{login}")
TableQuery = Annotated[ClassView, Query()]
Text = Annotated[str, Form(max_length=2000)]
MomentField = Annotated[str, Form(max_length=40)]


@router.post("/extension")
def extend(
    request: Request,
    viewer: StaffViewer,
    database: Db,
    slug: str,
    login: str,
    view: TableQuery,
    deadline: MomentField = "",
    reason: Text = "",
    basis: MomentField = "",
) -> Response:
    """Give the student a later deadline, unless somebody else changed it since the page was made."""

    def grant(session: Session) -> None:
        moment, why = moment_of(deadline, request.app.state.settings.zone), reason_of(reason)
        extensions.check_basis(session, slug, login, basis)
        extensions.grant(session, viewer, slug, login, moment, why)

    typed = {"form": "extension", "deadline": deadline, "reason": reason}
    return _decide(request, viewer, database, slug, login, view, grant, typed)


@router.post("/extension/remove")
def remove_extension(
    request: Request, viewer: StaffViewer, database: Db, slug: str, login: str, view: TableQuery
) -> Response:
    """Let the assignment's own deadline apply again."""

    def remove(session: Session) -> None:
        extensions.remove(session, viewer, slug, login)

    return _decide(request, viewer, database, slug, login, view, remove)


@router.post("/excusal")
def excuse(
    request: Request, viewer: StaffViewer, database: Db, slug: str, login: str, view: TableQuery, reason: Text = ""
) -> Response:
    """Excuse the student from the assignment."""

    def decide(session: Session) -> None:
        excusals.excuse(session, viewer, slug, login, reason_of(reason))

    return _decide(request, viewer, database, slug, login, view, decide, {"form": "excusal", "reason": reason})


@router.post("/excusal/remove")
def remove_excusal(
    request: Request, viewer: StaffViewer, database: Db, slug: str, login: str, view: TableQuery
) -> Response:
    """Let the student's score count again."""

    def remove(session: Session) -> None:
        excusals.remove(session, viewer, slug, login)

    return _decide(request, viewer, database, slug, login, view, remove)


@router.post("/attempts")
def give_back(request: Request, viewer: StaffViewer, database: Db, slug: str, login: str, view: TableQuery) -> Response:
    """Take the attempts of the last 24 hours out of the student's quota."""

    def decide(session: Session) -> None:
        quota.give_back(session, viewer, slug, login)

    return _decide(request, viewer, database, slug, login, view, decide)


@router.post("/notes")
def add_note(
    request: Request, viewer: StaffViewer, database: Db, slug: str, login: str, view: TableQuery, text: Text = ""
) -> Response:
    """Add a note that only the staff read."""

    def decide(session: Session) -> None:
        if not text.strip() or "\0" in text:
            raise Unprocessable("The note is empty. Write something first.")
        notes.add(session, viewer, slug, login, text.strip())

    return _decide(request, viewer, database, slug, login, view, decide, {"form": "note", "text": text})


@router.post("/notes/{note_id}/delete")
def delete_note(
    request: Request, viewer: StaffViewer, database: Db, slug: str, login: str, note_id: int, view: TableQuery
) -> Response:
    """Delete a note."""

    def decide(session: Session) -> None:
        notes.delete(session, viewer, slug, login, note_id)

    return _decide(request, viewer, database, slug, login, view, decide)


def _decide(
    request: Request,
    viewer: Viewer,
    database: Database,
    slug: str,
    login: str,
    view: ClassView,
    decide: Callable[[Session], None],
    typed: Mapping[str, str] | None = None,
) -> Response:
    """Carry out a decision, or show the student's page with the problem and what was typed."""
    try:
        with database.write() as session:
            decide(session)
    except Problem as problem:
        query = student.StudentQuery(**view.model_dump())
        with database.read() as session:
            return student.student_page(request, session, viewer, slug, login, query, problem, typed=typed)
    query_string = view.query()
    location = f"/dashboard/{quote(slug)}/students/{quote(login)}"
    return RedirectResponse(f"{location}{'?' + query_string if query_string else ''}#decisions", status_code=303)
