"""`assay users import`, `assay tokens create` and `assay tokens links`."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

import typer

from app.commands.configuration import settings
from app.commands.database import writing
from app.commands.failures import UnusableInput
from app.users import service
from app.users.models import Role
from app.users.schemas import RosterPreview


def import_roster(file: Path, preview: bool, as_json: bool) -> None:
    """Add a roster's people; prints ``login,token`` lines for the new ones. A rejected row raises `UnusableInput`."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnusableInput(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnusableInput(f"{file} is not UTF-8 text; save it as CSV in UTF-8") from error
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


def create_token(login: str, as_json: bool) -> None:
    """Print a new token; it cannot be shown again."""
    with writing(settings()) as session:
        token = service.create_token(session, service.find(session, login), actor="assay tokens create")
    typer.echo(json.dumps({"id": token.id, "login": login, "token": token.secret}) if as_json else token.secret)


def create_links(logins: Collection[str], role: str, days: int, url: str | None, as_json: bool) -> None:
    """Print a login link for each person, as CSV or JSON. They cannot be shown again."""
    configured = settings()
    base_url = url or configured.public_url
    if base_url is None:
        raise UnusableInput("say where browsers reach the service: --url https://..., or ASSAY_PUBLIC_URL")
    with writing(configured) as session:
        links = service.create_login_links(
            session, actor="assay tokens links", logins=logins, role=Role(role), days=days
        )
    rows = [{"login": link.login, "name": link.name, "link": link.address(base_url)} for link in links]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    writer = csv.DictWriter(sys.stdout, ["login", "name", "link"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    typer.echo(f"{len(links)} links, valid for {days} days", err=True)
