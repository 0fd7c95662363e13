"""``/courses/{course}/enrolments``: who takes part in a course."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

from app import problems
from app.auth import access
from app.http import conditional
from app.http.authentication import AdminViewer, StaffViewer
from app.http.sessions import ReadSession, WriteSession
from app.users import enrolments, repository, service
from app.users.models import Enrolment, Role
from app.users.schemas import EnrolmentChange, EnrolmentView, NewEnrolment

router = APIRouter(
    prefix="/courses/{course}/enrolments", tags=["courses"], responses=problems.documented(401, 403, 404, 422)
)

IfEnrolmentMatch = Annotated[
    list[str] | None,
    Header(alias="If-Match", description="The enrolment's `ETag`. 412 if the enrolment has changed since."),
]


@router.get("")
def list_enrolments(
    viewer: StaffViewer,
    session: ReadSession,
    course: str,
    section: Annotated[str | None, Query(max_length=80, description="Only this section.")] = None,
) -> list[EnrolmentView]:
    """Everybody of a course by login, also who dropped it. `main` is the first course."""
    rows = repository.enrolments(session, course)
    return [EnrolmentView.of(user, row) for user, row in rows if section in (None, row.section)]


@router.post("", status_code=201, responses=problems.documented(409))
def create_enrolment(viewer: AdminViewer, session: WriteSession, course: str, new: NewEnrolment) -> EnrolmentView:
    """Enrol a person who has an account. Who dropped the course is back."""
    user = service.find(session, new.login)
    row = enrolments.add(session, user, course, new.role, new.section, actor=viewer.login)
    return EnrolmentView.of(user, row)


@router.get("/{login}")
def get_enrolment(
    viewer: StaffViewer, session: ReadSession, response: Response, course: str, login: str
) -> EnrolmentView:
    """One person of a course. Its `ETag` is for `If-Match`."""
    user, row = enrolments.find(session, login, course)
    response.headers["ETag"] = _tag(row)
    return EnrolmentView.of(user, row)


@router.patch("/{login}", responses=problems.documented(409, 412))
def set_enrolment(
    viewer: StaffViewer,
    session: WriteSession,
    response: Response,
    course: str,
    login: str,
    change: EnrolmentChange,
    if_match: IfEnrolmentMatch = None,
) -> EnrolmentView:
    """Change role or section, mark as dropped, or enrol again. For instructors of the course and admins.

    Nobody loses work: who dropped reads nothing of the course, and the staff see them marked.
    """
    access.require_role(viewer, Role.INSTRUCTOR)
    user, row = enrolments.find(session, login, course, lock=True)
    if if_match is not None and not conditional.matches(if_match, {_tag(row)}):
        raise enrolments.EnrolmentChanged(headers={"ETag": _tag(row)})
    enrolments.change(
        session,
        user,
        row,
        actor=viewer.login,
        as_admin=viewer.is_admin,
        role=change.role,
        section=change.section,
        dropped=change.dropped,
    )
    response.headers["ETag"] = _tag(row)
    return EnrolmentView.of(user, row)


def _tag(row: Enrolment) -> str:
    return f'"{enrolments.stamp(row)}"'
