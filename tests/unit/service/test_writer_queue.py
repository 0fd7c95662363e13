"""Writers of one process stand in line for SQLite's one place, and whoever waits too long goes the old way."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.db import engine, writer_queue
from app.db.engine import Database
from app.db.outage import DatabaseAway
from app.settings import Settings

WRITERS = 8
TURNS_EACH = 5


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database whose SQLite waits for nobody, so that only the line can keep two writers apart."""
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 0)
    database = Database(Settings(data_dir=tmp_path, database_url=SecretStr(f"sqlite:///{tmp_path}/turns.sqlite3")))
    with database.write() as session:
        session.execute(text("CREATE TABLE turns (writer INTEGER NOT NULL)"))
    return database


def count(database: Database) -> int:
    with database.read() as session:
        found: int = session.execute(text("SELECT count(*) FROM turns")).scalar_one()
        return found


def write(database: Database, writer: int | None) -> None:
    with database.write() as session:
        session.execute(text("INSERT INTO turns VALUES (:writer)"), {"writer": writer})
        time.sleep(0.002)


def test_many_writers_at_once_all_get_their_turn(impatient: Database) -> None:
    def work(writer: int) -> None:
        for _ in range(TURNS_EACH):
            write(impatient, writer)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(work, range(WRITERS)))
    assert count(impatient) == WRITERS * TURNS_EACH
    impatient.close()


def test_a_writer_that_fails_lets_the_next_one_on(impatient: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_queue, "LONGEST_WAIT_SECONDS", 120.0)
    with pytest.raises(IntegrityError):
        write(impatient, None)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(write, impatient, 2).result(60)
    assert count(impatient) == 1
    impatient.close()


def test_whoever_waits_too_long_learns_from_sqlite_and_takes_no_turn_away(
    impatient: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_queue, "LONGEST_WAIT_SECONDS", 0.05)
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with impatient.write() as session:
            session.execute(text("INSERT INTO turns VALUES (1)"))
            begun.set()
            assert go_on.wait(30)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert begun.wait(30)
        for _ in range(2):
            with pytest.raises(DatabaseAway, match="locked"):
                write(impatient, 2)
        go_on.set()
        held.result(30)
    write(impatient, 3)
    assert count(impatient) == 2
    impatient.close()
