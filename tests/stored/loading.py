"""Puts the stored database of an earlier version where today's commands find it, on either kind of database."""

from __future__ import annotations

import json
import lzma
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import JSON, Boolean, DateTime, Integer, MetaData, Table, Uuid, text

from app.db import migrate
from app.db.engine import make_engine
from app.settings import Settings

FOLDER = Path(__file__).parent
LAST_REVISION = "0006_newest_of_an_assignment"
"""The schema of 804ec7a. Its migrations are the first six of today's."""


def sql() -> str:
    """The database as 804ec7a left it."""
    return lzma.decompress((FOLDER / "804ec7a.sql.xz").read_bytes()).decode()


def answers() -> dict[str, Any]:
    """What the service of 804ec7a said of that database: see ``record.answers``."""
    said: dict[str, Any] = json.loads((FOLDER / "804ec7a.json").read_text())
    return said


def restore(settings: Settings, change: Callable[[sqlite3.Connection], None] = lambda rows: None) -> None:
    """Fill the empty database of these settings, with a ``change`` of the old rows. The caller migrates it."""
    if settings.sqlalchemy_url.startswith("sqlite"):
        with sqlite3.connect(settings.sqlalchemy_url.removeprefix("sqlite:///")) as database:
            database.executescript(sql())
            change(database)
        database.close()
    else:
        rows = sqlite3.connect(":memory:")
        rows.executescript(sql())
        change(rows)
        _restore_postgresql(settings, rows)
        rows.close()


def _restore_postgresql(settings: Settings, rows: sqlite3.Connection) -> None:
    """Copy each row into the schema that the same six migrations make on PostgreSQL.

    The job engine's tables are left out: their jobs are lost, and workers enqueue lost jobs again.
    """
    engine = make_engine(settings)
    rows.row_factory = sqlite3.Row
    config = migrate._config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, LAST_REVISION)
    metadata = MetaData()
    metadata.reflect(engine)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.delete())
        for table in metadata.sorted_tables:
            if values := list(_values(rows, table)):
                connection.execute(table.insert(), values)
            if "id" in table.columns and isinstance(table.columns["id"].type, Integer):
                sequence = f"pg_get_serial_sequence('{table.name}', 'id')"
                highest = f"(SELECT max(id) FROM {table.name})"
                connection.execute(text(f"SELECT setval({sequence}, {highest}) WHERE {highest} IS NOT NULL"))
    engine.dispose()


def _values(rows: sqlite3.Connection, table: Table) -> Iterator[dict[str, Any]]:
    for row in rows.execute(f'SELECT * FROM "{table.name}"'):
        yield {name: _value(table.columns[name].type, row[name]) for name in row.keys()}  # noqa: SIM118  not a dict


def _value(kind: Any, value: Any) -> Any:
    """A value of SQLite as PostgreSQL's column of this type takes it."""
    if value is None:
        return None
    if isinstance(kind, JSON):
        return json.loads(value)
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    if isinstance(kind, Boolean):
        return bool(value)
    if isinstance(kind, Uuid):
        return uuid.UUID(value)
    return value
