"""Delete a person's data: what goes and what stays, and the deletion once the login was typed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.http.authentication import AdminViewer
from app.http.sessions import Db, ReadSession
from app.pages import rendering
from app.personal_data import service
from app.problems import Problem, Unprocessable

router = APIRouter(prefix="/admin/people/{login}/delete")


class NotConfirmed(Unprocessable):
    """Type the login exactly as it stands here to confirm. Nothing was deleted."""

    slug = "not-confirmed"


@router.get("")
def preview(request: Request, viewer: AdminViewer, session: ReadSession, login: str) -> HTMLResponse:
    """What deleting this person's data removes."""
    return _page(request, viewer, session, login)


@router.post("")
def delete(
    request: Request,
    viewer: AdminViewer,
    database: Db,
    login: str,
    confirmation: Annotated[str, Form(max_length=80)] = "",
) -> Response:
    """Delete the data, if the login was typed."""
    try:
        if confirmation.strip() != login:
            raise NotConfirmed
        with database.write() as session:
            deletion = service.delete(session, login, actor=viewer.login)
    except (NotConfirmed, service.CannotDelete) as problem:
        with database.read() as session:
            return _page(request, viewer, session, login, problem)
    return RedirectResponse(f"/admin/people/{deletion.number}", status_code=303)


def _page(
    request: Request, viewer: Viewer, session: Session, login: str, problem: Problem | None = None
) -> HTMLResponse:
    plan = service.plan(session, login, actor=viewer.login)
    return rendering.page(request, "admin_deletion.html", viewer=viewer, problem=problem, plan=plan, person=plan.user)
