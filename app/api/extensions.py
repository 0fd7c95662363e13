"""``/assignments/{slug}/extensions``: later deadlines for single students. For the staff."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from app import problems
from app.assignments import service as assignments
from app.http.authentication import StaffViewer
from app.http.sessions import ReadSession, WriteSession
from app.submissions.extensions import repository, service
from app.submissions.extensions.models import Extension

router = APIRouter(
    prefix="/assignments/{slug}/extensions", tags=["assignments"], responses=problems.documented(401, 403, 404, 422)
)


class NewExtension(BaseModel):
    """The student's deadline, with its time zone, and the reason."""

    model_config = ConfigDict(extra="forbid")

    deadline: AwareDatetime
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")
    ]


class ExtensionView(BaseModel):
    """A student's own deadline, with its author, time and reason."""

    student: str
    deadline: datetime
    reason: str
    by: str
    at: datetime


@router.get("")
def list_extensions(viewer: StaffViewer, session: ReadSession, slug: str) -> list[ExtensionView]:
    """Every extension of an assignment."""
    assignments.current(session, slug)
    return [_view(row) for row in repository.of_assignment(session, slug)]


@router.put("/{login}")
def set_extension(
    viewer: StaffViewer, session: WriteSession, slug: str, login: str, new: NewExtension
) -> ExtensionView:
    """Give a student a later deadline. Deductions for late submission are computed again at once."""
    return _view(service.grant(session, viewer, slug, login, new.deadline, new.reason))


@router.delete("/{login}", status_code=204)
def remove_extension(viewer: StaffViewer, session: WriteSession, slug: str, login: str) -> None:
    """Remove the extension: the assignment's own deadline applies again."""
    service.remove(session, viewer, slug, login)


def _view(row: Extension) -> ExtensionView:
    return ExtensionView(student=row.user.login, deadline=row.deadline, reason=row.reason, by=row.by.login, at=row.at)
