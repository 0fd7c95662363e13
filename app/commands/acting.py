"""The member of the staff in whose name a command acts."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from app.auth import access
from app.auth.viewer import Viewer
from app.commands.failures import UnusableInput
from app.courses import service as courses
from app.courses.names import course_of
from app.users import service as users


def staff(session: Session, login: str, slug: str) -> Viewer:
    """The viewer with this login in the course of an assignment.

    Raises `UserNotFound`, `CourseArchived`, and `UnusableInput` for who is no staff of that course.
    """
    courses.require_open(session, course_of(slug))
    viewer, course = Viewer.of(users.find(session, login)), course_of(slug)
    role = access.role_in(viewer, course)
    if role not in access.STAFF:
        what = "is a student" if role is not None else f"has no role in the course of {slug}"
        raise UnusableInput(f"{login} {what}; --by names the member of the staff who decided")
    return replace(viewer, role=role, course=course)
