"""Writes of the same moment share a transaction, and nobody pays for another's error."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest
from pydantic import SecretStr
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.db import engine, group_commit
from app.db.engine import Database
from app.db.outage import DatabaseAway
from app.problems import Conflict
from app.settings import Settings

PATIENCE = 30.0
Write = Callable[[Session], int]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(Settings(data_dir=tmp_path, database_url=SecretStr(f"sqlite:///{tmp_path}/together.sqlite3")))
    with database.write() as session:
        session.execute(text("CREATE TABLE written (number INTEGER NOT NULL)"))
    yield database
    database.close()


def insert(number: int | None) -> Write:
    def write(session: Session) -> int:
        session.execute(text("INSERT INTO written VALUES (:number)"), {"number": number})
        return number or 0

    return write


def refused(session: Session) -> int:
    insert(666)(session)
    raise Conflict("Not you.")


def written(database: Database) -> list[int]:
    with database.read() as session:
        return list(session.scalars(text("SELECT number FROM written ORDER BY rowid")))


@contextmanager
def meanwhile(database: Database, works: list[Write]) -> Iterator[list[Future[int]]]:
    """Works that all come while somebody else writes; when the block begins, that one has ended."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(session: Session) -> int:
        begun.set()
        assert go_on.wait(PATIENCE)
        return 0

    with ThreadPoolExecutor(len(works) + 1) as pool:
        holder = pool.submit(database.write_in_group, hold)
        assert begun.wait(PATIENCE)
        line = database._group_commit
        assert line is not None
        futures = []
        for number, work in enumerate(works, start=1):
            futures.append(pool.submit(database.write_in_group, work))
            while len(line._waiting) < number:
                assert not futures[-1].done()
        go_on.set()
        holder.result(PATIENCE)
        yield futures


@pytest.fixture
def commits(database: Database) -> list[int]:
    counted: list[int] = []
    event.listen(database.engine, "commit", lambda connection: counted.append(1))
    return counted


def test_who_comes_while_somebody_writes_shares_the_next_transaction(database: Database, commits: list[int]) -> None:
    with meanwhile(database, [insert(number) for number in range(1, 6)]) as futures:
        assert [future.result(PATIENCE) for future in futures] == [1, 2, 3, 4, 5]
    assert written(database) == [1, 2, 3, 4, 5]
    assert len(commits) == 2


def test_at_most_so_many_share_one(database: Database, commits: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "GROUP_SIZE", 2)
    with meanwhile(database, [insert(number) for number in range(1, 6)]) as futures:
        assert [future.result(PATIENCE) for future in futures] == [1, 2, 3, 4, 5]
    assert written(database) == [1, 2, 3, 4, 5]
    assert len(commits) == 4


def test_a_refusal_takes_back_its_own_and_nobody_elses(database: Database, commits: list[int]) -> None:
    with meanwhile(database, [insert(1), refused, insert(2)]) as futures:
        assert futures[0].result(PATIENCE) == 1
        with pytest.raises(Conflict, match="Not you"):
            futures[1].result(PATIENCE)
        assert futures[2].result(PATIENCE) == 2
    assert written(database) == [1, 2]
    assert len(commits) == 2


def test_an_error_costs_only_its_own_and_the_others_are_stored_once(database: Database) -> None:
    with meanwhile(database, [insert(1), insert(None), insert(2)]) as futures:
        assert futures[0].result(PATIENCE) == 1
        with pytest.raises(IntegrityError):
            futures[1].result(PATIENCE)
        assert futures[2].result(PATIENCE) == 2
    assert written(database) == [1, 2]


@pytest.mark.parametrize("bad", [refused, insert(None)])
def test_alone_an_error_leaves_nothing_and_the_next_can_write(database: Database, bad: Write) -> None:
    with pytest.raises((Conflict, IntegrityError)):
        database.write_in_group(bad)
    assert database.write_in_group(insert(1)) == 1
    assert written(database) == [1]


def test_who_waits_is_told_with_the_first_that_nobody_can_write(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_MS", 2000)
    begin = Mock(wraps=engine._begin_to_write)
    monkeypatch.setattr(engine, "_begin_to_write", begin)
    other = sqlite3.connect(tmp_path / "together.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    line = database._group_commit
    assert line is not None
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(database.write_in_group, insert(number)) for number in range(3)]
        while len(line._waiting) < len(futures):
            assert not futures[0].done()
        for future in futures:
            with pytest.raises(DatabaseAway, match="locked"):
                future.result(PATIENCE)
    other.close()
    assert begin.call_count == 1
    assert database.write_in_group(insert(1)) == 1
    assert written(database) == [1]
