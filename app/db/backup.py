"""Copy a SQLite database while it is in use, and restore such a copy into an empty data folder."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import make_url

from app.settings import Settings


class NotSQLite(Exception):
    """The database is on a PostgreSQL server, which has its own tools for backups."""


class UnusableCopy(Exception):
    """The file is not a complete copy of an Assay database."""


class TargetExists(Exception):
    """The target of the copy exists already."""


def save(settings: Settings, target: Path) -> None:
    """Copy the database, also while it is in use. Raises `NotSQLite`, `TargetExists` or ``OSError``."""
    source = database_file(settings)
    if target.exists():
        raise TargetExists(f"{target} exists; name a new file")
    if not source.exists():
        raise FileNotFoundError(f"there is no database at {source}")
    _copy(source, target)


def restore(settings: Settings, source: Path) -> None:
    """Use this copy as the database. Raises `NotSQLite`, `UnusableCopy`, `TargetExists` or ``OSError``."""
    target = database_file(settings)
    if target.exists():
        raise TargetExists(f"there is a database at {target}; restore into an empty data folder, or move it away first")
    check(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    _copy(source, target)


def check(file: Path) -> None:
    """Raise `UnusableCopy` unless the file is a complete Assay database."""
    if not file.is_file():
        raise UnusableCopy(f"there is no file {file}")
    try:
        with _open_read_only(file) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
            connection.execute("SELECT count(*) FROM submissions, workflow_status LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        raise UnusableCopy(f"{file} is not a copy of an Assay database ({error})") from error
    if verdict != "ok":
        raise UnusableCopy(f"{file} is damaged: {verdict}")


def database_file(settings: Settings) -> Path:
    """The file of the database. Raises `NotSQLite`."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() != "sqlite" or url.database is None:
        raise NotSQLite
    return Path(url.database)


def make_private(settings: Settings) -> None:
    """Let only the owner read a SQLite database, because it holds keys. A server protects its own files."""
    try:
        file = database_file(settings)
    except NotSQLite:
        return
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            file.with_name(file.name + suffix).chmod(0o600)


def _copy(source: Path, target: Path) -> None:
    """Copy by SQLite's online backup, under another name until the copy is complete and on the disk."""
    unfinished = target.with_name(target.name + ".part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(0o600)
    try:
        with _open_read_only(source) as connection, closing(sqlite3.connect(unfinished)) as copy:
            # Copy all pages in one step: a later step starts over if the source has changed.
            connection.backup(copy, pages=-1)
            # Keep the copy in one file, without a journal.
            copy.execute("PRAGMA journal_mode=DELETE")
        # Give the copy the mode that `make_private` gave the database.
        shutil.copymode(source, unfinished)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(target)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _open_read_only(file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        yield connection
