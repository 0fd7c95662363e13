"""The person who makes a request."""

from __future__ import annotations

from dataclasses import dataclass

from app.users.models import Role, User


@dataclass(frozen=True)
class Viewer:
    """The person who makes a request, with the role."""

    user_id: int
    login: str
    name: str
    role: Role

    @classmethod
    def of(cls, user: User) -> Viewer:
        """The viewer for a user."""
        return cls(user.id, user.login, user.name, user.role)

    @property
    def is_staff(self) -> bool:
        """Whether the viewer is a TA or an admin."""
        return self.role in (Role.TA, Role.ADMIN)

    @property
    def is_admin(self) -> bool:
        """Whether the viewer is an admin."""
        return self.role is Role.ADMIN
