"""Commit small writes of several threads in one transaction.

SQLite has one writer at a time. With a transaction each, the writes of a deadline would each begin, reach the disk and
wake the next thread; a group does so once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from sqlalchemy.orm import Session

from app.problems import Problem

GROUP_SIZE = 20


class _Write:
    """One write of a group, with its result or its error."""

    def __init__(self, write: Callable[[Session], Any]) -> None:
        self.write = write
        self.wake = threading.Event()
        self.is_leader = False
        self.value: Any = None
        self.error: Exception | None = None


class GroupCommit:
    """Groups writes. ``transaction`` is committed when its block ends. Thread-safe.

    The first thread leads: once SQLite lets it write, it takes up to `GROUP_SIZE` waiting writes, commits them, and
    makes the thread that has waited longest the next leader.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[Session]]) -> None:
        self._transaction = transaction
        self._lock = threading.Lock()
        self._waiting: deque[_Write] = deque()
        self._has_leader = False

    def run(self, write: Callable[[Session], Any]) -> Any:
        """Return what ``write`` returned once that is committed, or raise its error with nothing of it stored.

        ``write`` is called again when the error of another write has undone the group's transaction.
        """
        own = _Write(write)
        with self._lock:
            self._waiting.append(own)
            own.is_leader, self._has_leader = not self._has_leader, True
        if not own.is_leader:
            own.wake.wait()
        if own.is_leader:
            self._write_group()
        if own.error is not None:
            raise own.error
        return own.value

    def _write_group(self) -> None:
        works: list[_Write] = []
        try:
            with self._transaction() as session:
                session.connection()
                works = self._take(GROUP_SIZE)
                _write(session, works)
        except Exception as error:  # noqa: BLE001 - raised in the thread of its write
            if len(works) > 1:
                for work in works:
                    self._write_alone(work)
            else:
                # The transaction could not begin: fail every waiting write instead of trying each.
                works = works or self._take()
                for work in works:
                    work.error = error
        finally:
            self._appoint_leader()
            for work in works:
                work.wake.set()

    def _take(self, most: int | None = None) -> list[_Write]:
        with self._lock:
            return [self._waiting.popleft() for _ in list(self._waiting)[:most]]

    def _write_alone(self, work: _Write) -> None:
        work.value = work.error = None
        try:
            with self._transaction() as session:
                work.value = work.write(session)
        except Exception as error:  # noqa: BLE001 - raised in the thread of its write
            work.error = error

    def _appoint_leader(self) -> None:
        with self._lock:
            self._has_leader = bool(self._waiting)
            if self._has_leader:
                self._waiting[0].is_leader = True
                self._waiting[0].wake.set()


def _write(session: Session, works: list[_Write]) -> None:
    """Do all writes. A `Problem` undoes only its own write; any other error undoes the transaction."""
    if len(works) == 1:
        works[0].value = works[0].write(session)
        return
    for work in works:
        with suppress(_Refused), session.begin_nested():
            try:
                work.value = work.write(session)
            except Problem as problem:
                work.error = problem
                raise _Refused from problem


class _Refused(Exception):
    """Undoes a refused write back to its savepoint."""
