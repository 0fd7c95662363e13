"""The database: ``read()`` gives a snapshot, ``write()`` a transaction that commits at its end or not at all."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker

from app.db import outage
from app.db.group_commit import GroupCommit
from app.db.writer_queue import WriterQueue
from app.settings import Settings

_Result = TypeVar("_Result")
BUSY_TIMEOUT_MS = 30_000
_SHORTEST_WAIT, _LONGEST_WAIT = 0.002, 0.1
_WRITES = "assay_writes"
_CONNECT_TIMEOUTS = {"connect_timeout": 10, "tcp_user_timeout": 30_000}
"""How long libpq waits for a server that does not answer, in seconds and milliseconds."""


class Database:
    """The service's own engine with its two kinds of session. Thread-safe."""

    def __init__(self, settings: Settings) -> None:
        self.engine = make_engine(settings)
        self._read = sessionmaker(self.engine, expire_on_commit=False)
        self._write = sessionmaker(self.engine.execution_options(**{_WRITES: True}), expire_on_commit=False)
        self._group_commit = GroupCommit(self.write) if self.engine.dialect.name == "sqlite" else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that is never committed. Raises `DatabaseAway`."""
        with outage.translated(), self._read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction: committed when the block ends, rolled back when it raises. Raises `DatabaseAway`."""
        with outage.translated(), self._write.begin() as session:
            yield session

    def write_in_group(self, work: Callable[[Session], _Result]) -> _Result:
        """`write` in a transaction that writes of other threads may share.

        Raises `DatabaseAway`, and what ``work`` raises. ``work`` may be called again: see `app.db.group_commit`.
        """
        if self._group_commit is not None:
            return cast(_Result, self._group_commit.run(work))
        with self.write() as session:
            return work(session)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def make_engine(settings: Settings) -> Engine:
    """The engine for the tables of the service."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "sqlite":
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, pool_size=8, max_overflow=64)
        _configure_sqlite(engine)
        return engine
    return create_engine(url, pool_size=8, max_overflow=32, pool_pre_ping=True, connect_args=_CONNECT_TIMEOUTS)


def _configure_sqlite(engine: Engine) -> None:
    writer_queue = WriterQueue(engine)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, record: Any) -> None:
        # Turn the driver's own transactions off: they begin only before a write. `_on_begin` sends BEGIN.
        connection.isolation_level = None
        # Set the time-out first: switching to WAL takes a lock that another process may hold.
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL keeps receipts valid after a power cut: otherwise the commits of the last seconds may be lost.
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        # Begin as a writer: a reader that starts to write fails at once if another connection has written.
        if connection.get_execution_options().get(_WRITES, False):
            writer_queue.wait(connection)
            _begin_to_write(connection)
        else:
            connection.exec_driver_sql("BEGIN")


def _begin_to_write(connection: Connection) -> None:
    """Begin as soon as no other process writes.

    SQLite itself retries after ever longer sleeps of up to 0.1 s. The first writer in this process's queue retries
    every few milliseconds instead, and less often only after a long wait.
    """
    driver = cast(sqlite3.Connection, connection.connection.dbapi_connection)
    start = time.monotonic()
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while (waited := time.monotonic() - start) < BUSY_TIMEOUT_MS / 1000:
            try:
                driver.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    break
                time.sleep(min(max(_SHORTEST_WAIT, waited / 50), _LONGEST_WAIT))
            else:
                return
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def make_job_engine(settings: Settings) -> Engine:
    """The engine that the job engine uses for its own tables in the same database.

    It has its own transactions, so it must not share the connections of `make_engine`.
    """
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_size=4, max_overflow=12, pool_pre_ping=True, connect_args=_CONNECT_TIMEOUTS)
    engine = create_engine(url, pool_size=8, max_overflow=16)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, record: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        # NORMAL is enough: jobs that a power cut loses are enqueued again.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA foreign_keys=ON")

    return engine
