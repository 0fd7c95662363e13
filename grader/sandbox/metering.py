"""The processor time of all sandbox children that a piece of work uses."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Iterator


class Meter:
    """Processor seconds of children that have ended or were left. Thread-safe."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Count the time of one child."""
        with self._lock:
            self.seconds += seconds


_meter: contextvars.ContextVar[Meter | None] = contextvars.ContextVar("meter", default=None)


@contextlib.contextmanager
def metered() -> Iterator[Meter]:
    """Count the children of everything that runs in this context; a thread needs a copy of the context."""
    meter = Meter()
    token = _meter.set(meter)
    try:
        yield meter
    finally:
        _meter.reset(token)


def add(seconds: float) -> None:
    """Count the time of one child for the work that ordered it."""
    meter = _meter.get()
    if meter is not None:
        meter.add(seconds)
