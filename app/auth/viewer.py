"""The person who makes a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.users.models import Role, User


@dataclass(frozen=True)
class Viewer:
    """The person who makes a request, with the role in the ``course`` that the request concerns.

    Outside of a course, ``role`` is the lowest that the person has in any course. ``roles`` are those of all courses in
    which the person is enrolled. Ask `app.auth.access` what a viewer may see.
    """

    user_id: int
    login: str
    name: str
    role: Role
    roles: Mapping[str, Role] = field(default_factory=dict)
    course: str | None = None

    @classmethod
    def of(cls, user: User) -> Viewer:
        """The viewer for a user, outside of any course."""
        roles = {row.course: row.role for row in user.enrolments if row.dropped_at is None}
        lowest = min(roles.values(), key=list(Role).index, default=Role.STUDENT)
        return cls(user.id, user.login, user.name, Role.ADMIN if user.role is Role.ADMIN else lowest, roles)

    @property
    def is_staff(self) -> bool:
        """Whether the viewer is a TA, an instructor or an admin."""
        return self.role is not Role.STUDENT

    @property
    def is_staff_anywhere(self) -> bool:
        """Whether the viewer is staff of any course."""
        return self.is_admin or any(role is not Role.STUDENT for role in self.roles.values())

    @property
    def is_admin(self) -> bool:
        """Whether the viewer is an admin."""
        return self.role is Role.ADMIN
