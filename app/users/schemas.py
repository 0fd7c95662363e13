"""JSON of people and tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.users.models import Role, User
from app.users.roster import LOGIN, Format, Row
from app.users.service import LINK_DAYS, MOST_LINK_DAYS, Plan

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
    """A person with a new token, which is shown only once. ``token`` is null for a person who existed already."""

    token: str | None


class PlannedRow(BaseModel):
    """One row of a roster and its effect. ``login`` is the login in this service; the roster may have another one."""

    line: int
    login: str
    name: str
    role: Role
    student_id: str | None
    action: Literal["add", "update", "keep"]


class RejectedRow(BaseModel):
    """One row of a roster that cannot be used, and why."""

    line: int
    reason: str


class RosterPreview(BaseModel):
    """What importing a roster would do. As long as a row is rejected, nothing is imported."""

    format: Format
    rows: list[PlannedRow]
    rejected: list[RejectedRow]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """The plan as the outside reads it."""
        rejected = [RejectedRow(line=row.line, reason=row.reason) for row in plan.rejected]
        return cls(format=plan.format, rows=[_planned_row(row, user) for row, user in plan.rows], rejected=rejected)


def _planned_row(row: Row, user: User | None) -> PlannedRow:
    if user is None:
        role = row.role or Role.STUDENT
        return PlannedRow(
            line=row.line, login=row.login, name=row.name, role=role, student_id=row.student_id, action="add"
        )
    student_id = row.student_id or user.student_id
    unchanged = (row.name, student_id) == (user.name, user.student_id)
    return PlannedRow(
        line=row.line,
        login=user.login,
        name=row.name,
        role=user.role,
        student_id=student_id,
        action="keep" if unchanged else "update",
    )


class TokenView(BaseModel):
    """A new token: ``token`` is shown this once, ``id`` revokes it."""

    id: int
    login: str
    token: str


class NewLoginLinks(BaseModel):
    """Whose login links to create: these people's, or without ``logins`` those of everybody with the role."""

    model_config = ConfigDict(extra="forbid")

    logins: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=5_000)] = []
    role: Role = Role.STUDENT
    days: Annotated[int, Field(ge=1, le=MOST_LINK_DAYS, description="Days for which the links are valid.")] = LINK_DAYS


class LoginLinkView(BaseModel):
    """A new login link: ``link`` is shown this once, ``id`` revokes it like a token."""

    id: int
    login: str
    name: str
    link: str
    expires_at: datetime


class RevokedLinks(BaseModel):
    """The number of login links that were revoked."""

    revoked: int
