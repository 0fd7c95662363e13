"""JSON of people and tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self, TypedDict

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.courses.names import FIRST
from app.users.importing import Action, Plan
from app.users.models import Enrolment, Role, User
from app.users.roster import LOGIN, Format
from app.users.service import LINK_DAYS, MOST_LINK_DAYS

Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")]
EnrolmentRole = Literal[Role.STUDENT, Role.TA, Role.INSTRUCTOR]
"""The roles that a course can give."""


class EnrolmentChanges(TypedDict):
    """Arguments of `enrolments.change`; ``None`` changes nothing."""

    role: Role | None
    section: str | None
    dropped: bool | None
    basis: str | None


class NewUser(BaseModel):
    """A person to add."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(pattern=LOGIN)]
    name: Annotated[Line, Field(min_length=1, max_length=200)]
    role: Role = Role.STUDENT
    student_id: Annotated[Line, Field(max_length=80)] | None = None
    section: Annotated[Line, Field(max_length=80)] | None = None


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
    section: str | None
    action: Action


class MissingStudent(BaseModel):
    """A student of the course who is not in the roster."""

    login: str
    name: str
    section: str | None


class RejectedRow(BaseModel):
    """One row of a roster that cannot be used, and why."""

    line: int
    reason: str


class RosterPreview(BaseModel):
    """What importing a roster would do. As long as a row is rejected, nothing is imported.

    ``missing`` are the students who would be marked as dropped, if that is asked for.
    """

    format: Format
    rows: list[PlannedRow]
    rejected: list[RejectedRow]
    missing: list[MissingStudent]

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """The plan as the outside reads it."""
        return cls(
            format=plan.format,
            rows=[
                PlannedRow(
                    line=one.row.line,
                    login=one.login,
                    name=one.row.name,
                    role=one.role,
                    student_id=one.student_id,
                    section=one.section,
                    action=one.action,
                )
                for one in plan.rows
            ],
            rejected=[RejectedRow(line=row.line, reason=row.reason) for row in plan.rejected],
            missing=[
                MissingStudent(login=user.login, name=user.name, section=row.section) for user, row in plan.missing
            ],
        )


class NewEnrolment(BaseModel):
    """A person to enrol, who has an account."""

    model_config = ConfigDict(extra="forbid")

    login: Annotated[str, Field(max_length=80)]
    role: EnrolmentRole = Role.STUDENT
    section: Annotated[Line, Field(max_length=80)] | None = None


class EnrolmentChange(BaseModel):
    """What to change of an enrolment; an empty section removes it."""

    model_config = ConfigDict(extra="forbid")

    role: EnrolmentRole | None = None
    section: Annotated[Line, Field(max_length=80)] | None = None
    dropped: bool | None = None


class EnrolmentForm(BaseModel):
    """The form of an enrolment on a page. With ``edit`` role and section are those of the form."""

    model_config = ConfigDict(extra="ignore")

    edit: bool = False
    role: EnrolmentRole | None = None
    section: Annotated[Line, Field(max_length=80)] = ""
    dropped: bool | None = None
    basis: Annotated[str, Field(max_length=16)] = ""

    def changes(self) -> EnrolmentChanges:
        """What `enrolments.change` is to change."""
        return {
            "role": self.role if self.edit else None,
            "section": self.section if self.edit else None,
            "dropped": self.dropped,
            "basis": self.basis,
        }


class EnrolmentView(BaseModel):
    """A person in a course. Who left has ``dropped_at``; their work stays."""

    login: str
    name: str
    student_id: str | None
    role: Role
    section: str | None
    dropped_at: datetime | None

    @classmethod
    def of(cls, user: User, row: Enrolment) -> Self:
        """The enrolment of a person."""
        return cls(
            login=user.login,
            name=user.name,
            student_id=user.student_id,
            role=row.role,
            section=row.section,
            dropped_at=row.dropped_at,
        )


class TokenView(BaseModel):
    """A new token: ``token`` is shown this once, ``id`` revokes it."""

    id: int
    login: str
    token: str


class NewLoginLinks(BaseModel):
    """Whose login links to create: these people's, or without ``logins`` those of everybody with a role in a course."""

    model_config = ConfigDict(extra="forbid")

    logins: Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=5_000)] = []
    role: Role = Role.STUDENT
    course: Annotated[str, Field(max_length=16)] = FIRST
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
