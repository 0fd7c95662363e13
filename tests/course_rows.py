"""A row in every table that belongs to a course, made from the tables themselves: a new table is filled, too."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Enum, Integer, Table, TypeDecorator, insert
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.courses.names import full_name
from app.regrades.models import RegradeState
from app.submissions.models import RunOutcome, State
from app.tables import metadata
from grader.assignment import bundled

OF_THE_INSTALLATION = frozenset(
    (
        "audit", "chores", "courses", "grader_versions", "lti_contexts", "lti_identities", "lti_keys", "lti_logins",
        "lti_platforms", "lti_registration_links", "lti_tickets", "processor_use", "review_key", "tokens", "users",
        "web_sessions", "workers",
    )
)  # fmt: skip
"""Tables without anything of a course; their rows stay when one is deleted."""
ENDED = {"submissions": State.GRADED, "runs": RunOutcome.FINISHED, "regrades": RegradeState.PUBLISHED}
"""States with which nothing waits for a worker."""


def fill(session: Session, course: str, user_id: int, platform_id: int) -> dict[str, dict[str, Any]]:
    """Add a row of a course to every table that has such. Returns the rows by table."""
    published = assignments.publish(session, bundled("hw13"), course)
    rows: dict[str, dict[str, Any]] = {
        "users": {"id": user_id},
        "lti_platforms": {"id": platform_id},
        "courses": {"slug": course},
        "assignments": {"id": published.id},
    }
    for table in metadata.sorted_tables:
        if table.name in OF_THE_INSTALLATION or table.name in rows:
            continue
        row = {column.name: _value(column, table, course, rows) for column in table.columns if _needs_value(column)}
        if table.name in ENDED:
            column_name = "outcome" if table.name == "runs" else "state"
            row[column_name] = ENDED[table.name]
        key = session.connection().execute(insert(table).values(row)).inserted_primary_key
        assert key is not None
        rows[table.name] = {**row, **dict(zip((column.name for column in table.primary_key), key, strict=True))}
    return rows


def _needs_value(column: Column[Any]) -> bool:
    is_key_by_database = column.primary_key and isinstance(column.type, Integer) and not column.foreign_keys
    return bool(column.foreign_keys and not column.nullable) or not (
        column.nullable or column.default is not None or column.server_default is not None or is_key_by_database
    )


def _value(column: Column[Any], table: Table, course: str, rows: dict[str, dict[str, Any]]) -> Any:
    for key in column.foreign_keys:
        return rows[key.column.table.name][key.column.name]
    if column.name == "slug":
        return full_name(course, "hw13")
    if isinstance(column.type, Enum):
        assert column.type.enum_class is not None
        return next(iter(column.type.enum_class))
    text = f"{course}-{table.name}-{column.name}"
    values: dict[type[Any], Any] = {
        object: {}, bool: False, int: 1, float: 0.5, datetime: datetime(2027, 1, 1, tzinfo=UTC), bytes: text.encode(),
        uuid.UUID: uuid.uuid4(), str: text,
    }  # fmt: skip
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    value = values[kind.python_type]
    length = getattr(column.type, "length", None)
    return value[:length] if isinstance(value, str) and length is not None else value


def contents(session: Session) -> dict[str, list[str]]:
    """Every row of the tables that belong to courses, as text, by table."""
    tables = [table for table in metadata.sorted_tables if table.name not in OF_THE_INSTALLATION - {"courses"}]
    return {table.name: sorted(str(tuple(row)) for row in session.execute(table.select())) for table in tables}
