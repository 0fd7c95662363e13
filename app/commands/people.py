"""`assay users`: the people of a course."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import typer

from app.commands.configuration import settings
from app.commands.database import reading, writing
from app.commands.failures import UnusableInput
from app.commands.tables import emit
from app.courses.names import FIRST
from app.users import repository, service
from app.users.models import Role, User
from app.users.schemas import RosterPreview


def import_roster(file: Path, preview: bool, as_json: bool) -> None:
    """Add a roster's people; prints ``login,token`` lines for the new ones. A rejected row raises `UnusableInput`."""
    try:
        text = service.roster_text(file.read_bytes())
    except OSError as error:
        raise UnusableInput(f"cannot read {file}: {error.strerror}") from error
    except service.RosterError as error:
        raise UnusableInput(error.detail) from error
    with writing(settings()) as session:
        if preview:
            _show(RosterPreview.of(service.plan_roster(session, text)), as_json)
            return
        imported = service.import_roster(session, text, actor="assay users import")
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in imported], ensure_ascii=False, indent=2))
        return
    new = [row for row in imported if row.token is not None]
    typer.echo(f"{len(new)} new, {len(imported) - len(new)} existing", err=True)
    for row in new:
        typer.echo(f"{row.login},{row.token}")


def _show(plan: RosterPreview, as_json: bool) -> None:
    if as_json:
        typer.echo(plan.model_dump_json(indent=2))
    else:
        for row in plan.rows:
            typer.echo(
                f"{row.line:5}  {row.action:6}  {row.login}  {row.name}  {row.role.value}  {row.student_id or '-'}"
            )
        for rejected in plan.rejected:
            typer.echo(f"{rejected.line:5}  reject  {rejected.reason}")
        counts = Counter(row.action for row in plan.rows)
        typer.echo(
            f"{plan.format}: {counts['add']} to add, {counts['update']} to update, {counts['keep']} unchanged,  "
            f"{len(plan.rejected)} rejected; nothing was changed",
            err=True,
        )
    if plan.rejected:
        raise UnusableInput(f"{len(plan.rejected)} rows cannot be used; nothing is imported until they are corrected")


def list_people(role: str | None, as_json: bool) -> None:
    """Print everybody, or everybody with a role."""
    with reading(settings()) as session:
        people = repository.with_role(session, Role(role), FIRST) if role else repository.everybody(session)
        rows = [_row(user) for user in people]
    emit(rows, as_json)


def add(login: str, name: str, role: str, student_id: str | None, as_json: bool) -> None:
    """Add a person and print their token. Raises `UnusableInput`."""
    actor = "assay users add"
    try:
        with writing(settings()) as session:
            user = service.create_user(
                session, login=login, name=name, role=Role(role), student_id=student_id, actor=actor
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


def _row(user: User) -> Mapping[str, str | None]:
    return {"login": user.login, "name": user.name, "role": user.role.value, "student_id": user.student_id}
