"""Bringing the database to the newest schema: our tables with Alembic, the job engine's with its own migrations."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from dbos import DBOS
from sqlalchemy import Engine, inspect, text

from app.db.engine import make_engine
from app.settings import Settings

MIGRATIONS = Path(__file__).parents[2] / "migrations"
_LOCK = 0x61737361


class NotMigrated(Exception):
    """The database has an older schema. Run `assay migrate` first."""


def upgrade(settings: Settings) -> None:
    """Migrate the database to the newest schema. Processes that start together wait for each other."""
    engine = make_engine(settings)
    try:
        with _migration_lock(settings, engine):
            config = _config()
            with engine.connect() as connection:
                # Migrations bring their own transactions; on SQLite ours would hold the database while they run.
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            DBOS.migrate(_plain_url(settings))
    finally:
        engine.dispose()


def check(settings: Settings) -> None:
    """Raise `NotMigrated` unless the schema is usable. An empty database is migrated right away."""
    if look(settings) is None:
        upgrade(settings)


def look(settings: Settings) -> str | None:
    """The schema's revision, or ``None`` for an empty database. Raises `NotMigrated` unless it is this version's.

    A newer version's schema will do too: migrations only add, so that old and new processes work side by side while an
    installation is upgraded.
    """
    engine = make_engine(settings)
    try:
        with engine.connect() as connection:
            empty = not inspect(connection).has_table("alembic_version")
            revision = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    if not empty and not _is_usable(revision):
        raise NotMigrated("The database has another schema than this version of Assay. Run `assay migrate` first.")
    return None if empty else revision


def _is_usable(revision: str | None) -> bool:
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return revision == head or _number(revision) > _number(head)


def _number(revision: str | None) -> int:
    """Revisions are named by a number and what they do."""
    number = (revision or "").partition("_")[0]
    return int(number) if number.isdigit() else 0


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _plain_url(settings: Settings) -> str:
    return settings.sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://")


@contextmanager
def _migration_lock(settings: Settings, engine: Engine) -> Iterator[None]:
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / "migrate.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
