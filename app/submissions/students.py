"""Find the student whom a decision of the staff concerns."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.courses.names import course_of
from app.problems import Forbidden
from app.users import service as users
from app.users.models import User


class OwnCase(Forbidden):
    """This concerns your own submissions. Another member of the staff has to decide on it."""

    slug = "own-case"


def find_other(session: Session, viewer: Viewer, slug: str, login: str) -> User:
    """The person with this login in an assignment's course, who is not the viewer, unless that is an admin.

    Raises `UserNotFound` or `OwnCase`.
    """
    student = users.find_member(session, login, course_of(slug))
    if student.id == viewer.user_id and not viewer.is_admin:
        raise OwnCase
    return student
