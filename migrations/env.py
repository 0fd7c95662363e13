"""Alembic's environment: the connection of a migration, and the tables that it covers."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, text

from app.db.engine import make_engine
from app.settings import Settings
from app.tables import metadata


def _ours(name: str | None, kind: str, parents: object) -> bool:
    """Whether Alembic covers an object: the job engine migrates its own tables in the same database."""
    return kind != "table" or name in metadata.tables


def _run(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Fail soon: a migration that waits for a lock blocks every later query on that table.
        connection.execute(text("SET lock_timeout = '5s'"))
        connection.execute(text("SET statement_timeout = '10min'"))
        connection.commit()
    # SQLite changes a column only by copying the table; Alembic calls that batch mode.
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_name=_ours,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with make_engine(Settings()).connect() as own:
        _run(own)
