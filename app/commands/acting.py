"""The member of the staff in whose name a command acts."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.commands.failures import UnusableInput
from app.users import service as users


def staff(session: Session, login: str) -> Viewer:
    """The viewer with this login. Raises `UserNotFound`, and `UnusableInput` for a student."""
    viewer = Viewer.of(users.find(session, login))
    if not viewer.is_staff:
        raise UnusableInput(f"{login} is a student; --by names the member of the staff who decided")
    return viewer
