"""`assay tokens`: tokens and login links."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Collection
from datetime import datetime

import typer

from app.commands.configuration import settings
from app.commands.database import reading, writing
from app.commands.failures import UnusableInput
from app.commands.tables import emit
from app.users import repository, service
from app.users.models import Role


def create(login: str, as_json: bool) -> None:
    """Print a new token; it cannot be shown again."""
    with writing(settings()) as session:
        token = service.create_token(session, service.find(session, login), actor="assay tokens create")
    typer.echo(json.dumps({"id": token.id, "login": login, "token": token.secret}) if as_json else token.secret)


def create_links(logins: Collection[str], role: str, course: str, days: int, url: str | None, as_json: bool) -> None:
    """Print a login link for each person, as CSV or JSON. They cannot be shown again."""
    configured = settings()
    base_url = url or configured.public_url
    if base_url is None:
        raise UnusableInput("say where browsers reach the service: --url https://..., or ASSAY_PUBLIC_URL")
    with writing(configured) as session:
        links = service.create_login_links(
            session, actor="assay tokens links", logins=logins, role=Role(role), course=course, days=days
        )
    rows = [{"login": link.login, "name": link.name, "link": link.address(base_url)} for link in links]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    writer = csv.DictWriter(sys.stdout, ["login", "name", "link"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    typer.echo(f"{len(links)} links, valid for {days} days", err=True)


def list_tokens(login: str, as_json: bool) -> None:
    """Print the tokens and login links of a person, without their secrets."""
    with reading(settings()) as session:
        rows = [
            {
                "id": str(token.id),
                "begins": token.hint,
                "kind": "token" if token.link_expires_at is None else "link",
                "created": token.created_at.isoformat(timespec="minutes"),
                "expires": _moment(token.link_expires_at),
                "revoked": _moment(token.revoked_at),
            }
            for token in repository.tokens(session, service.find(session, login))
        ]
    emit(rows, as_json)


def revoke(token_ids: Collection[int], links: bool, as_json: bool) -> None:
    """Revoke tokens, or every login link. Raises `UnusableInput`."""
    if bool(token_ids) == links:
        raise UnusableInput("name the numbers of tokens that `assay tokens list LOGIN` prints, or --links")
    actor = "assay tokens revoke"
    with writing(settings()) as session:
        for token_id in token_ids:
            service.revoke_token(session, token_id, actor=actor)
        count = service.revoke_login_links(session, actor=actor) if links else len(token_ids)
    typer.echo(json.dumps({"revoked": count}) if as_json else f"{count} revoked")


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="minutes") if moment else None
