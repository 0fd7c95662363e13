"""Find the student whom a decision of the staff concerns."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.problems import Forbidden
from app.users import service as users
from app.users.models import User


class OwnCase(Forbidden):
    """This concerns your own submissions. Another member of the staff has to decide on it."""

    slug = "own-case"


def find_other(session: Session, viewer: Viewer, login: str) -> User:
    """The person with this login, who is not the viewer; an admin may also decide on their own case.

    Raises `UserNotFound` or `OwnCase`.
    """
    student = users.find(session, login)
    if student.id == viewer.user_id and not viewer.is_admin:
        raise OwnCase
    return student
