"""Locked children made ahead of need, so that a grading waits for no fork.

A spare is a child like any other: locked, announced, and waiting for its first request. It has seen no student's code.
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

Role = Literal["student", "measure"]


@dataclass(frozen=True)
class Order:
    """What a child is wanted for. Limits are set when a child is locked, so a spare serves only orders like its own."""

    limits: Limits
    role: Role


Held = tuple[LockedChild, contextlib.ExitStack]
"""A locked child, and what lets go of it."""


class Spares:
    """At most one spare for each of the latest kinds of orders. Thread-safe."""

    def __init__(self, make: Callable[[Order], Held], kinds: int) -> None:
        self._make = make
        self._kinds = kinds
        self._waiting: dict[Order, Held | None] = {}
        """By kind, the latest last. ``None`` while one is being made."""
        self._closed = False
        self._lock = threading.Lock()
        self._maker = ThreadPoolExecutor(1, "spare-child")

    @property
    def pids(self) -> list[int]:
        """The processes that wait."""
        with self._lock:
            return [held[0].pid or 0 for held in self._waiting.values() if held is not None]

    def take(self, order: Order) -> Held | None:
        """The spare for such an order, if there is one and it lives."""
        with self._lock:
            held = self._waiting.get(order)
            if held is None:
                return None
            del self._waiting[order]
        child, letting_go = held
        if child.waits():
            return held
        letting_go.close()
        return None

    def prepare(self, order: Order) -> None:
        """Have one made in the background, unless there is one or it is on its way."""
        with self._lock:
            if self._closed or self._kinds == 0 or order in self._waiting:
                return
            old = None
            if len(self._waiting) == self._kinds:
                old = self._waiting.pop(next(iter(self._waiting)))
            self._waiting[order] = None
            self._maker.submit(self._fill, order)
        _let_go(old)

    def clear(self) -> None:
        """Let all go, to make room."""
        with self._lock:
            waiting, self._waiting = list(self._waiting.values()), {}
        for held in waiting:
            _let_go(held)

    def close(self) -> None:
        """Let all go, and make no more. Waits for the one that is being made: end the fork server first."""
        with self._lock:
            self._closed = True
        self._maker.shutdown(cancel_futures=True)
        self.clear()

    def _fill(self, order: Order) -> None:
        held: Held | None = None
        with contextlib.suppress(InfrastructureFault):  # whoever orders next will find out, and say so
            held = self._make(order)
        with self._lock:
            wanted = order in self._waiting and self._waiting[order] is None
            if wanted and held is not None:
                self._waiting[order] = held
                return
            if wanted:
                del self._waiting[order]
        _let_go(held)


def _let_go(held: Held | None) -> None:
    if held is not None:
        held[1].close()
