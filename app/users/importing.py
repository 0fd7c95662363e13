"""The import of a roster into a course: planned for a preview, then made, all rows or none."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, Self

from sqlalchemy.orm import Session

from app.courses import service as courses
from app.courses.names import FIRST
from app.presenting import file_kinds
from app.problems import Unprocessable
from app.users import enrolments, repository, roster, service
from app.users.models import Enrolment, Role, User

_MAX_LINES_IN_DETAIL = 20
"""Rejected rows in the problem's ``detail``; its ``errors`` have all."""
Action = Literal["add", "enrol", "return", "update", "keep"]
"""A new person; somebody who is new in this course, or dropped it and is back; a changed and an unchanged row."""


class RosterError(Unprocessable):
    """The roster cannot be read. It is a CSV file with the columns login, name, role, student_id and section."""

    slug = "roster"

    @classmethod
    def of(cls, rejected: Iterable[roster.Rejected]) -> Self:
        """The error of rows that cannot be used, with the line and the reason of each."""
        rows = list(rejected)
        lines = [f"Line {row.line}: {row.reason}" for row in rows[:_MAX_LINES_IN_DETAIL]]
        if len(rows) > _MAX_LINES_IN_DETAIL:
            lines.append(f"and {len(rows) - _MAX_LINES_IN_DETAIL} more")
        detail = "; ".join(lines) + "."
        return cls(detail, errors=[{"line": row.line, "message": row.reason} for row in rows])


@dataclass(frozen=True)
class PlannedRow:
    """A usable row with its person and their enrolment in the course, each ``None`` where there is none yet."""

    row: roster.Row
    user: User | None
    enrolment: Enrolment | None

    @property
    def login(self) -> str:
        """The login here; the roster of another system may have another one."""
        return self.user.login if self.user else self.row.login

    @property
    def role(self) -> Role:
        """The role in the course after the import, or admin."""
        if self.user is not None and self.user.role is Role.ADMIN:
            return Role.ADMIN
        return self.enrolment.role if self.enrolment else self.row.role or Role.STUDENT

    @property
    def student_id(self) -> str | None:
        """The student number after the import."""
        return self.row.student_id or (self.user.student_id if self.user else None)

    @property
    def section(self) -> str | None:
        """The section after the import."""
        return self.row.section or (self.enrolment.section if self.enrolment else None)

    @property
    def action(self) -> Action:
        """The effect of the row."""
        if self.user is None:
            return "add"
        if self.enrolment is None and self.user.role is not Role.ADMIN:
            return "enrol"
        if self.enrolment is not None and self.enrolment.dropped_at is not None:
            return "return"
        after = self.row.name, self.student_id, self.section
        before = self.user.name, self.user.student_id, self.enrolment.section if self.enrolment else self.section
        return "keep" if after == before else "update"


@dataclass(frozen=True)
class Plan:
    """The effect of a roster: its usable and its rejected rows, and the course's students who are ``missing`` from it.

    Nobody counts as missing while a row is rejected, which may be theirs.
    """

    format: roster.Format
    course: str
    rows: list[PlannedRow]
    rejected: list[roster.Rejected]
    missing: list[tuple[User, Enrolment]]


@dataclass(frozen=True)
class ImportedRow:
    """One row of a roster after its import. ``token`` is set for people who are new."""

    login: str
    name: str
    role: Role
    student_id: str | None
    token: str | None


def roster_text(data: bytes) -> str:
    """The text of a roster's file. Raises `RosterError` for a file that is no UTF-8 text."""
    kind = file_kinds.other_kind(data)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        kind = kind or "not UTF-8 text"
    if kind:
        raise RosterError(f"The roster is {kind}. Save it as CSV in UTF-8.")
    return text


def plan_roster(session: Session, text: str, course: str = FIRST) -> Plan:
    """Plan the import of a roster without changes. Raises `RosterError` for a text that is not a roster."""
    parsed = roster.read(text)
    if parsed.unreadable is not None:
        raise RosterError(parsed.unreadable)
    everybody = repository.enrolments(session, course)
    by_id = {user.id: row for user, row in everybody}
    rows: list[PlannedRow] = []
    rejected = list(parsed.rejected)
    people: dict[int, int] = {}
    for row in parsed.rows:
        user = _existing_user(session, row, parsed.format)
        planned = PlannedRow(row, user, by_id.get(user.id) if user else None)
        if user is not None and user.id in people:
            rejected.append(roster.Rejected(row.line, f"{user.login} appears twice, first on line {people[user.id]}"))
        elif reason := _refused_role(planned, parsed.format):
            rejected.append(roster.Rejected(row.line, reason))
        else:
            rows.append(planned)
        if user is not None:
            people.setdefault(user.id, row.line)
    missing = [
        (user, row)
        for user, row in everybody
        if row.role is Role.STUDENT and row.dropped_at is None and user.role is not Role.ADMIN and user.id not in people
    ]
    return Plan(
        parsed.format, course, rows, sorted(rejected, key=lambda row: row.line), [] if rejected or not rows else missing
    )


def import_roster(session: Session, text: str, *, actor: str, course: str = FIRST) -> list[ImportedRow]:
    """Import a roster: new people are added with a token, known ones get their name and student id updated.

    All rows or none: raises `RosterError` that names every row that cannot be used, and why.
    """
    return import_plan(session, plan_roster(session, text, course), actor=actor)


def import_plan(session: Session, plan: Plan, *, actor: str, drop: Collection[str] = ()) -> list[ImportedRow]:
    """Make a plan. Those of its missing students whose login is in ``drop`` are marked as dropped.

    Raises `RosterError` if a row is rejected, and `CourseArchived`.
    """
    courses.require_open(session, plan.course)
    if plan.rejected:
        raise RosterError.of(plan.rejected)
    imported = [_import_row(session, row, plan.course, actor) for row in plan.rows]
    leaving = [user for user, _ in plan.missing if user.login in drop]
    enrolments.drop(session, leaving, plan.course, actor=actor)
    return imported


def _refused_role(planned: PlannedRow, kind: roster.Format) -> str | None:
    """The reason why the role of a row cannot be given, or ``None``. Rosters of other systems change no roles."""
    wanted, user = planned.row.role, planned.user
    if user is None or kind != "plain" or wanted in (None, planned.role):
        return None
    return f"{user.login} is {planned.role.value}; an import does not change roles"


def _existing_user(session: Session, row: roster.Row, kind: roster.Format) -> User | None:
    """The person of a row: by login, or by student id in a roster of a system that may use other logins.

    A login in other letters, upper or lower case, is the same person's unless two people have it.
    """
    user = repository.by_login(session, row.login)
    if user is None:
        same = repository.with_login_in_any_case(session, row.login)
        user = same[0] if len(same) == 1 else None
    if user is None and kind != "plain" and row.student_id:
        same = repository.with_student_id(session, row.student_id)
        user = same[0] if len(same) == 1 else None
    return user


def _import_row(session: Session, planned: PlannedRow, course: str, actor: str) -> ImportedRow:
    row, user, role = planned.row, planned.user, planned.role
    if user is None:
        user = service.create_user(
            session, login=row.login, name=row.name, role=role, actor=actor, student_id=row.student_id, course=course,
            section=row.section,
        )  # fmt: skip
        return ImportedRow(
            user.login, user.name, role, user.student_id, service.create_token(session, user, actor=actor).secret
        )
    service.edit_user(session, user, actor=actor, name=row.name, student_id=row.student_id)
    enrolment = planned.enrolment
    if role is Role.ADMIN:
        pass
    elif enrolment is None:
        enrolments.add(session, user, course, role, row.section, actor=actor)
    else:
        enrolments.change(session, user, enrolment, actor=actor, as_admin=True, section=row.section, dropped=False)
    return ImportedRow(user.login, user.name, role, user.student_id, None)
