"""Which of the jobs that a worker holds may run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from app.queue.capabilities import memory_mb
from app.queue.port import Postponed

SLOW_SECONDS = 2.0
"""A first stage that has run for so long is slow. A light model needs about one second on a core of its own."""
MORE_FIRST_STAGES = 5
"""How many first stages a worker may run beyond its slots."""
_POLL_SECONDS = 0.2


def extra_first_stages(slots: int, grading_mb: int) -> int:
    """How many first stages may run beyond the slots: as many as fit in this machine's memory, and one in any case."""
    return max(1, min(MORE_FIRST_STAGES, memory_mb() // grading_mb - slots))


@dataclass(eq=False)
class _Grading:
    """A job that waits or runs. ``student`` is whose first stage it is; a long job has none."""

    student: Hashable | None
    begun_at: float = 0.0

    def is_slow(self, seconds: float) -> bool:
        return self.student is None or time.monotonic() - self.begun_at >= seconds


class Slots:
    """Slots for gradings, and more first stages beside slow ones, so that no first stage waits for a slow grading.

    Slow are long jobs (later stages, measuring for regrades, and gradings of students who used more than their share)
    and each first stage after ``slow_seconds``. First stages go before long jobs, each in order of arrival. ``extra``
    first stages may run beyond the slots, at most one of a student. Thread-safe.
    """

    def __init__(self, slots: int, extra: int, slow_seconds: float = SLOW_SECONDS) -> None:
        self._slots = slots
        self._extra = extra
        self._slow_seconds = slow_seconds
        self._changed = threading.Condition()
        self._running: list[_Grading] = []
        self._waiting: list[_Grading] = []

    def first(self, student: Hashable, is_wanted: Callable[[], bool]) -> AbstractContextManager[bool]:
        """Wait for a slot of a student's first stage while ``is_wanted``, and hold it. False when none became free.

        Raises `Postponed` when none is free and a slow first stage of the same student runs.
        """
        return self._slot(_Grading(student), is_wanted)

    def long(self, is_wanted: Callable[[], bool]) -> AbstractContextManager[bool]:
        """A slot for a long job."""
        return self._slot(_Grading(None), is_wanted)

    @contextmanager
    def _slot(self, grading: _Grading, is_wanted: Callable[[], bool]) -> Iterator[bool]:
        with self._changed:
            self._waiting.append(grading)
            try:
                has_slot = self._wait(grading, is_wanted)
            finally:
                self._waiting.remove(grading)
                self._changed.notify_all()
            if has_slot:
                grading.begun_at = time.monotonic()
                self._running.append(grading)
        try:
            yield has_slot
        finally:
            if has_slot:
                with self._changed:
                    self._running.remove(grading)
                    self._changed.notify_all()

    def _wait(self, grading: _Grading, is_wanted: Callable[[], bool]) -> bool:
        while is_wanted():
            if self._next() is grading:
                return True
            if any(other.is_slow(self._slow_seconds) for other in self._others_of_student(grading)):
                raise Postponed
            self._changed.wait(_POLL_SECONDS)
        return False

    def _next(self) -> _Grading | None:
        """The waiting job that may begin now."""
        in_order = sorted(self._waiting, key=lambda grading: grading.student is None)
        return next(filter(self._has_room, in_order), None)

    def _has_room(self, grading: _Grading) -> bool:
        if len(self._running) < self._slots:
            return True
        quick = sum(not other.is_slow(self._slow_seconds) for other in self._running)
        return (
            grading.student is not None
            and quick < self._slots
            and len(self._running) < self._slots + self._extra
            and not self._others_of_student(grading)
        )

    def _others_of_student(self, grading: _Grading) -> list[_Grading]:
        if grading.student is None:
            return []
        return [other for other in self._running if other.student == grading.student]
