"""Telling those who wait in this process that a submission changed, so that they need not ask so often.

Changes made by other processes are found by `app.submissions.change_poller`.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Bulletin:
    """Who waits for which submission. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[uuid.UUID, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = defaultdict(set)

    def announce(self, submission_id: uuid.UUID) -> None:
        """Wake everybody who waits for this submission. From any thread, after the commit."""
        with self._lock:
            waiting = list(self._waiting.get(submission_id, ()))
        for loop, event in waiting:
            loop.call_soon_threadsafe(event.set)

    def followed(self) -> list[uuid.UUID]:
        """The submissions that somebody waits for."""
        with self._lock:
            return list(self._waiting)

    @contextmanager
    def subscribe(self, submission_id: uuid.UUID) -> Iterator[asyncio.Event]:
        """An event of the running loop that is set at every announcement; the waiter clears it."""
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._waiting[submission_id].add(entry)
        try:
            yield entry[1]
        finally:
            with self._lock:
                self._waiting[submission_id].discard(entry)
                if not self._waiting[submission_id]:
                    del self._waiting[submission_id]
