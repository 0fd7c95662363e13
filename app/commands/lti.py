"""`assay lti`: platforms and keys. Without the packages of the extra it says how to get them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from app import lti
from app.commands.configuration import settings
from app.commands.database import writing
from app.commands.failures import Refused
from app.db import backup
from app.db.base import now
from app.lti import deliveries

if TYPE_CHECKING:
    from app.lti.models import Platform, ToolKey


def add(as_json: bool, **fields: Any) -> None:
    """Register a platform or bring it up to date; ``fields`` are those of `Registration`.

    Raises `Refused` or `UnusableInput`.
    """
    _require_extra()
    from app.lti import registration

    configured = settings()
    request = registration.Registration(**fields)
    with writing(configured) as session:
        platform = registration.register(
            session, request, allow_local=configured.lti_allow_local, actor="assay lti add"
        )
        result = _platform(platform)
    backup.make_private(configured)
    if as_json:
        typer.echo(json.dumps(result, indent=2))
        return
    base = (configured.public_url or "https://YOUR-ADDRESS").rstrip("/")
    typer.echo(f"{result['name']} is registered. The platform asks for these addresses:")
    for what, path in (("login initiation", "login"), ("tool, redirect, deep linking", "launch"), ("keys", "jwks")):
        typer.echo(f"  {what}: {base}/lti/{path}")


def list_all(as_json: bool) -> None:
    """Print the platforms and the keys, without the keys' private halves."""
    _require_extra()
    from app.lti import repository

    with writing(settings()) as session:
        platforms = [_platform(row) for row in repository.platforms(session)]
        keys = [_key(row) for row in repository.published_keys(session, now())]
    if as_json:
        typer.echo(json.dumps({"platforms": platforms, "keys": keys}, indent=2))
        return
    for row in platforms:
        rule = f", identifies people by {row['match']}" if row["match"] else ""
        staff = ", its teachers are staff" if row["staff"] else ""
        typer.echo(f"{row['name']}: {row['issuer']}, client id {row['client_id']}{staff}{rule}")
        typer.echo(f"  deployments: {', '.join(row['deployments'])}; hosts: {', '.join(row['hosts'])}")
        if row["trouble"]:
            typer.echo(f"  problem: {row['trouble']}")
    for key in keys:
        typer.echo(f"key {key['kid']}: signs from {key['signs_from']}, published until {key['ends_at'] or 'rotated'}")


def remove(name: str, as_json: bool) -> None:
    """Forget a platform."""
    _require_extra()
    from app.lti import registration

    with writing(settings()) as session:
        registration.remove(session, name, actor="assay lti remove")
    typer.echo(json.dumps({"removed": name}) if as_json else f"{name} is removed; its people and their points stay")


def rotate(at_once: bool, as_json: bool) -> None:
    """Make a new key."""
    _require_extra()
    from app.lti import keys

    configured = settings()
    with writing(configured) as session:
        key = _key(keys.rotate(session, at_once=at_once, actor="assay lti rotate"))
    backup.make_private(configured)
    typer.echo(json.dumps(key, indent=2) if as_json else f"key {key['kid']} signs from {key['signs_from']}")


def hold(as_json: bool) -> None:
    """Put every platform on hold."""
    with writing(settings()) as session:
        held = deliveries.hold_all(session, actor="assay lti hold")
    sentence = f"{held} platforms are on hold: no score is sent before `assay lti resume`"
    typer.echo(json.dumps({"held": held}) if as_json else sentence)


def resume(as_json: bool) -> None:
    """End every hold."""
    with writing(settings()) as session:
        resumed = deliveries.resume_all(session, actor="assay lti resume")
    sentence = f"{resumed} platforms get scores again"
    typer.echo(json.dumps({"resumed": resumed}) if as_json else sentence)


def _require_extra() -> None:
    if not lti.is_installed():
        raise Refused(lti.MISSING)


def _platform(row: Platform) -> dict[str, Any]:
    names = ("name", "issuer", "client_id", "deployments", "auth_url", "token_url", "token_audience", "jwks_url")
    rule = f"{row.match_field.value}={row.match_claim}" if row.match_field is not None else None
    return {name: getattr(row, name) for name in (*names, "hosts", "staff", "trouble")} | {"match": rule}


def _key(row: ToolKey) -> dict[str, Any]:
    ends_at = row.ends_at.isoformat() if row.ends_at else None
    return {"kid": row.kid, "signs_from": row.signs_from.isoformat(), "ends_at": ends_at}
