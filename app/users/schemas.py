"""What goes in and out for people and tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.users.models import Role
from app.users.service import LOGIN

Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")]


class NewUser(BaseModel):
    """A person to add."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(pattern=LOGIN)]
    name: Annotated[Line, Field(min_length=1, max_length=200)]
    role: Role = Role.STUDENT
    student_id: Annotated[Line, Field(max_length=80)] | None = None


class UserView(BaseModel):
    """A person."""

    model_config = ConfigDict(from_attributes=True)

    login: str
    name: str
    role: Role
    student_id: str | None


class UserWithToken(UserView):
    """A person with a token, shown this once. ``token`` is null for somebody who was known already."""

    token: str | None


class TokenView(BaseModel):
    """A new token: ``token`` is shown this once, ``id`` revokes it."""

    id: int
    login: str
    token: str
