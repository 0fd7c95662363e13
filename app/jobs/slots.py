"""Which of the jobs that a worker has taken may run now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_SECONDS = 0.2


class Slots:
    """So many gradings at once, and one more where only long ones run: then a first part need not wait for their end.

    First parts, which give students their verdicts, go before long ones (second parts, and measuring for regrades).
    Thread-safe.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._changed = threading.Condition()
        self._first = 0
        self._first_waiting = 0
        self._long = 0

    @contextmanager
    def first(self, still: Callable[[], bool]) -> Iterator[bool]:
        """A slot of a first part, held within; waited for while ``still``. False when there is none by then."""
        with self._changed:
            self._first_waiting += 1
            try:
                taken = self._wait(self._room_for_first, still)
                self._first += taken
            finally:
                self._first_waiting -= 1
                self._changed.notify_all()
        try:
            yield taken
        finally:
            with self._changed:
                self._first -= taken
                self._changed.notify_all()

    @contextmanager
    def long(self, still: Callable[[], bool]) -> Iterator[bool]:
        """The same for a job of minutes."""
        with self._changed:
            taken = self._wait(self._room_for_long, still)
            self._long += taken
        try:
            yield taken
        finally:
            with self._changed:
                self._long -= taken
                self._changed.notify_all()

    def _wait(self, room: Callable[[], bool], still: Callable[[], bool]) -> bool:
        while still():
            if room():
                return True
            self._changed.wait(_LOOK_SECONDS)
        return False

    def _room_for_first(self) -> bool:
        return self._first + self._long < self._slots or self._first == 0

    def _room_for_long(self) -> bool:
        return self._first + self._long < self._slots and not self._first_waiting
