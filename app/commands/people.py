"""`assay users`: the people of a course."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict
from pathlib import Path

import typer

from app.commands.configuration import settings
from app.commands.database import reading, writing
from app.commands.failures import UnusableInput
from app.commands.tables import emit
from app.courses import service as courses
from app.courses.names import FIRST
from app.users import enrolments, importing, repository, service
from app.users.models import Enrolment, Role, User
from app.users.schemas import RosterPreview


def import_roster(file: Path, preview: bool, drop_missing: bool, course: str, as_json: bool) -> None:
    """Add a roster's people to a course; prints ``login,token`` lines for the new ones.

    A rejected row raises `UnusableInput`.
    """
    try:
        text = importing.roster_text(file.read_bytes())
    except OSError as error:
        raise UnusableInput(f"cannot read {file}: {error.strerror}") from error
    except importing.RosterError as error:
        raise UnusableInput(error.detail) from error
    with writing(settings()) as session:
        courses.find(session, course)
        plan = importing.plan_roster(session, text, course)
        if preview:
            _show(RosterPreview.of(plan), as_json)
            return
        drop = [user.login for user, _ in plan.missing] if drop_missing else []
        imported = importing.import_plan(session, plan, actor="assay users import", drop=drop)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in imported], ensure_ascii=False, indent=2))
        return
    new = [row for row in imported if row.token is not None]
    dropped = f", {len(drop)} marked as dropped" if drop_missing else ""
    typer.echo(f"{len(new)} new, {len(imported) - len(new)} existing{dropped}", err=True)
    for row in new:
        typer.echo(f"{row.login},{row.token}")


def _show(plan: RosterPreview, as_json: bool) -> None:
    if as_json:
        typer.echo(plan.model_dump_json(indent=2))
    else:
        for row in plan.rows:
            typer.echo(
                f"{row.line:5}  {row.action:6}  {row.login}  {row.name}  {row.role.value}  {row.student_id or '-'}"
                f"{'  ' + row.section if row.section else ''}"
            )
        for missing in plan.missing:
            section = f"  {missing.section}" if missing.section else ""
            typer.echo(f"    -  missing  {missing.login}  {missing.name}{section}")
        for rejected in plan.rejected:
            typer.echo(f"{rejected.line:5}  reject  {rejected.reason}")
        counts = Counter(row.action for row in plan.rows)
        typer.echo(
            f"{plan.format}: {counts['add']} to add, {counts['enrol'] + counts['return']} to enrol, "
            f"{counts['update']} to update, {counts['keep']} unchanged, {len(plan.rejected)} rejected, "
            f"{len(plan.missing)} students missing (--drop-missing marks them as dropped); nothing was changed",
            err=True,
        )
    if plan.rejected:
        raise UnusableInput(f"{len(plan.rejected)} rows cannot be used; nothing is imported until they are corrected")


def list_people(role: str | None, course: str | None, as_json: bool) -> None:
    """Print everybody, or everybody with a role or of a course."""
    with reading(settings()) as session:
        if course is not None:
            courses.find(session, course)
            enrolled = repository.enrolments(session, course)
            rows = [_enrolled(user, row) for user, row in enrolled if role in (None, row.role.value)]
        else:
            people = repository.with_role(session, Role(role), FIRST) if role else repository.everybody(session)
            rows = [_row(user) for user in people]
    emit(rows, as_json)


def add(
    login: str, name: str, role: str, student_id: str | None, section: str | None, course: str, as_json: bool
) -> None:
    """Add a person and print their token. Raises `UnusableInput`."""
    actor = "assay users add"
    try:
        with writing(settings()) as session:
            courses.find(session, course)
            user = service.create_user(
                session,
                login=login,
                name=name,
                role=Role(role),
                student_id=student_id,
                actor=actor,
                course=course,
                section=section,
            )
            token = service.create_token(session, user, actor=actor)
    except ValueError as error:
        raise UnusableInput(str(error)) from error
    typer.echo(json.dumps({"login": login, "token": token.secret}) if as_json else f"{login},{token.secret}")


def edit(login: str, name: str | None, role: str | None, student_id: str | None, as_json: bool) -> None:
    """Change a person and print them."""
    with writing(settings()) as session:
        user = service.find(session, login)
        changed_role = Role(role) if role else None
        service.edit_user(session, user, name=name, role=changed_role, student_id=student_id, actor="assay users edit")
        row = _row(user)
    emit([row], as_json)


def enrol(login: str, course: str, role: str | None, section: str | None, as_json: bool) -> None:
    """Enrol a person who has an account, or change their role or section."""
    actor = "assay users enrol"
    with writing(settings()) as session:
        courses.find(session, course)
        user = service.find(session, login)
        row, wanted = repository.enrolment(session, user.id, course), Role(role) if role else None
        if row is None:
            row = enrolments.add(session, user, course, wanted or Role.STUDENT, section, actor=actor)
        else:
            enrolments.change(
                session, user, row, actor=actor, as_admin=True, role=wanted, section=section, dropped=False
            )
        shown = _enrolled(user, row)
    emit([shown], as_json)


def drop(logins: Collection[str], course: str, as_json: bool) -> None:
    """Mark people as dropped. Raises `UserNotFound` for who is not in the course; then nobody is."""
    with writing(settings()) as session:
        courses.find(session, course)
        rows = [enrolments.find(session, login, course) for login in logins]
        enrolments.drop(session, [user for user, _ in rows], course, actor="assay users drop")
        shown = [_enrolled(user, row) for user, row in rows]
    emit(shown, as_json)


def _enrolled(user: User, row: Enrolment) -> Mapping[str, str | None]:
    dropped = row.dropped_at.isoformat(timespec="minutes") if row.dropped_at else None
    return {**_row(user), "role": row.role.value, "section": row.section, "dropped": dropped}


def _row(user: User) -> Mapping[str, str | None]:
    return {"login": user.login, "name": user.name, "role": user.role.value, "student_id": user.student_id}
