"""Slots for the jobs that a worker runs at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum, auto

_POLL_SECONDS = 0.2


class _Kind(Enum):
    FIRST = auto()
    LONG = auto()


class Slots:
    """This many gradings at once, and one more for a first stage while long jobs hold all slots.

    First stages, which give students their verdicts, go before long ones (later stages, and measuring for regrades).
    Thread-safe.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._changed = threading.Condition()
        self._running: Counter[_Kind] = Counter()
        self._waiting: Counter[_Kind] = Counter()

    def first(self, is_wanted: Callable[[], bool]) -> AbstractContextManager[bool]:
        """Wait for a slot of a first stage while ``is_wanted``, and hold it. False when none became free."""
        return self._slot(_Kind.FIRST, is_wanted)

    def long(self, is_wanted: Callable[[], bool]) -> AbstractContextManager[bool]:
        """A slot for a long-running job."""
        return self._slot(_Kind.LONG, is_wanted)

    @contextmanager
    def _slot(self, kind: _Kind, is_wanted: Callable[[], bool]) -> Iterator[bool]:
        with self._changed:
            self._waiting[kind] += 1
            try:
                has_slot = self._wait(kind, is_wanted)
                self._running[kind] += has_slot
            finally:
                self._waiting[kind] -= 1
                self._changed.notify_all()
        try:
            yield has_slot
        finally:
            with self._changed:
                self._running[kind] -= has_slot
                self._changed.notify_all()

    def _wait(self, kind: _Kind, is_wanted: Callable[[], bool]) -> bool:
        while is_wanted():
            if self._has_room(kind):
                return True
            self._changed.wait(_POLL_SECONDS)
        return False

    def _has_room(self, kind: _Kind) -> bool:
        if self._running.total() < self._slots:
            return kind is _Kind.FIRST or not self._waiting[_Kind.FIRST]
        return kind is _Kind.FIRST and not self._running[_Kind.FIRST]
