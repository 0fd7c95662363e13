"""The person who asks."""

from __future__ import annotations

from dataclasses import dataclass

from app.users.models import Role, User


@dataclass(frozen=True)
class Viewer:
    """Who asks, and in which role."""

    user_id: int
    login: str
    name: str
    role: Role

    @classmethod
    def of(cls, user: User) -> Viewer:
        """The viewer that a user is."""
        return cls(user.id, user.login, user.name, user.role)

    @property
    def is_staff(self) -> bool:
        """A TA or an admin."""
        return self.role in (Role.TA, Role.ADMIN)

    @property
    def is_admin(self) -> bool:
        """An admin."""
        return self.role is Role.ADMIN
