"""Small writes of the same moment in one transaction: who comes while somebody writes is written with the next.

SQLite has one writer at a time. With a transaction each, the many of a deadline would begin, bring to the disk and hand
over to the next thread one after the other; together they do so once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any

from sqlalchemy.orm import Session

from app.problems import Problem

AT_ONCE = 20


class _Work:
    """Something to write, and what came of it."""

    def __init__(self, write: Callable[[Session], Any]) -> None:
        self.write = write
        self.called = threading.Event()
        self.leads = False
        self.value: Any = None
        self.error: Exception | None = None


class Together:
    """Those who write together. ``transaction`` is committed when its block ends. Thread-safe.

    Whoever comes first leads: takes up to `AT_ONCE` of those who have come by the time that SQLite's place to write is
    free, writes for all, and gives the lead to the one who then waits longest.
    """

    def __init__(self, transaction: Callable[[], AbstractContextManager[Session]]) -> None:
        self._transaction = transaction
        self._lock = threading.Lock()
        self._waiting: deque[_Work] = deque()
        self._led = False

    def run(self, write: Callable[[Session], Any]) -> Any:
        """What ``write`` returned, once it is committed; what it raised, with nothing of it stored.

        It may be called once more, when another's error spoilt the transaction that both were in.
        """
        mine = _Work(write)
        with self._lock:
            self._waiting.append(mine)
            mine.leads, self._led = not self._led, True
        if not mine.leads:
            mine.called.wait()
        if mine.leads:
            self._lead()
        if mine.error is not None:
            raise mine.error
        return mine.value

    def _lead(self) -> None:
        works: list[_Work] = []
        try:
            with self._transaction() as session:
                session.connection()
                works = self._take(AT_ONCE)
                _write(session, works)
        except Exception as error:  # noqa: BLE001 - raised to whom it belongs
            if len(works) > 1:
                for work in works:
                    self._alone(work)
            else:
                # Without a place to write nobody who waits for one need try for himself.
                works = works or self._take()
                for work in works:
                    work.error = error
        finally:
            self._pass_on()
            for work in works:
                work.called.set()

    def _take(self, most: int | None = None) -> list[_Work]:
        with self._lock:
            return [self._waiting.popleft() for _ in list(self._waiting)[:most]]

    def _alone(self, work: _Work) -> None:
        work.value = work.error = None
        try:
            with self._transaction() as session:
                work.value = work.write(session)
        except Exception as error:  # noqa: BLE001 - raised to whom it belongs
            work.error = error

    def _pass_on(self) -> None:
        with self._lock:
            self._led = bool(self._waiting)
            if self._led:
                self._waiting[0].leads = True
                self._waiting[0].called.set()


def _write(session: Session, works: list[_Work]) -> None:
    """A refusal costs only the work that is refused; any other error, the transaction."""
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
    """Takes back to the savepoint what a refused work had written."""
