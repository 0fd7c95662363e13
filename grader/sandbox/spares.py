"""Locked children made in advance, so that a grading waits for no fork.

A spare is a child like any other: locked, ready, and waiting for its first request. It has seen no student's code.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from grader.sandbox.child import LockedChild
from grader.sandbox.policy import Limits
from grader.sandbox.replies import InfrastructureFault

Role = Literal["student", "measure", "read"]
"""What a child does: run student code, measure an artefact, or read uploads."""


@dataclass(frozen=True)
class Order:
    """The kind of child that is needed. Limits are set when a child is locked, so a spare serves only equal orders."""

    limits: Limits
    role: Role


@dataclass(frozen=True)
class SpareChild:
    """A locked child, and the stack that kills it and removes its control group."""

    child: LockedChild
    cleanup: contextlib.ExitStack


class Spares:
    """At most one spare for each of the latest kinds of orders. Thread-safe."""

    def __init__(self, make: Callable[[Order], SpareChild], kinds: int) -> None:
        self._make = make
        self._kinds = kinds
        self._spares: dict[Order, SpareChild | None] = {}
        """By kind, the latest last. ``None`` while one is being made."""
        self._closed = False
        self._lock = threading.Lock()
        self._maker = ThreadPoolExecutor(1, "spare-child")

    @property
    def pids(self) -> list[int]:
        """The processes of the spares."""
        with self._lock:
            return [spare.child.pid or 0 for spare in self._spares.values() if spare is not None]

    def take(self, order: Order) -> SpareChild | None:
        """The spare for such an order, if there is one that is alive."""
        with self._lock:
            spare = self._spares.get(order)
            if spare is None:
                return None
            del self._spares[order]
        if spare.child.is_waiting():
            return spare
        spare.cleanup.close()
        return None

    def prepare(self, order: Order) -> None:
        """Make a spare in the background, unless there is one or it is being made."""
        with self._lock:
            if self._closed or self._kinds == 0 or order in self._spares:
                return
            oldest = None
            if len(self._spares) == self._kinds:
                oldest = self._spares.pop(next(iter(self._spares)))
            self._spares[order] = None
            self._maker.submit(self._fill, order)
        _clean_up(oldest)

    def clear(self) -> None:
        """End all spares, to make room."""
        with self._lock:
            spares, self._spares = list(self._spares.values()), {}
        for spare in spares:
            _clean_up(spare)

    def close(self) -> None:
        """End all spares, and make no more. Waits for the one that is being made: end the fork server first."""
        with self._lock:
            self._closed = True
        self._maker.shutdown(cancel_futures=True)
        self.clear()

    def _fill(self, order: Order) -> None:
        spare: SpareChild | None = None
        with contextlib.suppress(InfrastructureFault):  # the next grading meets the same fault and reports it
            spare = self._make(order)
        with self._lock:
            expected = order in self._spares and self._spares[order] is None
            if expected and spare is not None:
                self._spares[order] = spare
                return
            if expected:
                del self._spares[order]
        _clean_up(spare)


def _clean_up(spare: SpareChild | None) -> None:
    if spare is not None:
        spare.cleanup.close()
