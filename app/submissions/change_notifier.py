"""Wake the coroutines of this process that wait for a change of a submission, so that they poll less often.

`app.submissions.change_poller` finds the changes that other processes make.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class ChangeNotifier:
    """The subscribers of each submission. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[uuid.UUID, set[tuple[asyncio.AbstractEventLoop, asyncio.Event]]] = defaultdict(set)

    def notify(self, submission_id: uuid.UUID) -> None:
        """Wake all subscribers of this submission. Any thread may call it, after the commit."""
        with self._lock:
            subscribers = list(self._subscribers.get(submission_id, ()))
        for loop, event in subscribers:
            loop.call_soon_threadsafe(event.set)

    def subscribed_ids(self) -> list[uuid.UUID]:
        """The submissions that have a subscriber."""
        with self._lock:
            return list(self._subscribers)

    @contextmanager
    def subscribe(self, submission_id: uuid.UUID) -> Iterator[asyncio.Event]:
        """An event of the running loop that every notification sets; the subscriber clears it."""
        subscriber = (asyncio.get_running_loop(), asyncio.Event())
        with self._lock:
            self._subscribers[submission_id].add(subscriber)
        try:
            yield subscriber[1]
        finally:
            with self._lock:
                self._subscribers[submission_id].discard(subscriber)
                if not self._subscribers[submission_id]:
                    del self._subscribers[submission_id]
