"""`assay backup` and `assay restore`."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import typer

from app.audit import service as audit
from app.commands.configuration import settings
from app.commands.database import upgrade, writing
from app.commands.failures import Refused, UnusableInput
from app.db import backup
from app.lti import deliveries
from app.submissions import statistics_repository as statistics
from app.users import repository as users

_POSTGRESQL = (
    "the database is PostgreSQL's, which copies itself: "
    '`pg_dump --format=custom --file=FILE "$ASSAY_DATABASE_URL"`, and back into an empty database with '
    '`pg_restore --no-owner --dbname="$ASSAY_DATABASE_URL" FILE`'
)


def save(target: Path, as_json: bool) -> None:
    """Copy the database to a file. Raises `UnusableInput` or `Refused`."""
    configured = settings()
    try:
        backup.save(configured, target)
        backup.check(target)
    except backup.NotSQLite as error:
        raise Refused(_POSTGRESQL) from error
    except backup.TargetExists as error:
        raise UnusableInput(str(error)) from error
    except (OSError, sqlite3.Error, backup.UnusableCopy) as error:
        raise Refused(f"no copy was made: {error}") from error
    size = target.stat().st_size
    typer.echo(json.dumps({"file": str(target), "bytes": size}) if as_json else f"{target}: {size} bytes, verified")


def restore(source: Path, as_json: bool) -> None:
    """Make a copy the database, bring it to this version, and tell what is in it. Raises as `save`."""
    configured = settings()
    try:
        backup.restore(configured, source)
    except backup.NotSQLite as error:
        raise Refused(_POSTGRESQL) from error
    except (backup.TargetExists, backup.UnusableCopy) as error:
        raise UnusableInput(str(error)) from error
    except (OSError, sqlite3.Error) as error:
        raise Refused(f"nothing was restored: {error}") from error
    upgrade(configured)
    with writing(configured) as session:
        people = users.count(session)
        submissions = statistics.count(session)
        broken = audit.first_broken(session)
        held = deliveries.hold_all(session, actor="assay restore")
    if broken is not None:
        raise Refused(f"restored, but the audit log was tampered with before the copy was made: entry {broken}")
    result = {"people": people, "hand_ins": submissions, "platforms_on_hold": held}
    sentence = f"restored: {people} people, {submissions} submissions, the audit chain is intact"
    if held:
        sentence += (
            f"\n{held} learning platforms get no scores before `assay lti resume`: run it once the copied service "
        )
        sentence += "has stopped for good"
    typer.echo(json.dumps(result) if as_json else sentence)
