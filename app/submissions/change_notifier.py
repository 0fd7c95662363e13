"""Tell the coroutines of this process that follow a submission about its changes, so that none of them has to poll.

Whoever changes a submission notifies; `app.submissions.change_poller` reads what has become of it, also after changes
of other processes, and tells all who follow.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from app.submissions.models import State

Status = tuple[State, int]
"""The state of a submission and its revision."""


class Subscription:
    """What one coroutine knows of a submission. Its loop's thread alone uses it, but for `tell`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._latest: Status | None = None

    def tell(self, status: Status) -> None:
        """Give the status to the coroutine if it is news. Any thread may call it."""
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._receive, status)

    def _receive(self, status: Status) -> None:
        if self._latest is None or status[1] > self._latest[1]:
            self._latest = status
            self._changed.set()

    async def next(self, seconds: float) -> Status | None:
        """The latest news, once there is any; ``None`` when the time is up."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
            self._changed.clear()
            return self._latest
        return None


def _wake_nobody() -> None:
    """What a notification calls while nobody polls."""


class ChangeNotifier:
    """The subscriptions of each submission, and the submissions that have changed. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: dict[uuid.UUID, set[Subscription]] = defaultdict(set)
        self._changed: set[uuid.UUID] = set()
        self._wake: Callable[[], object] = _wake_nobody

    def notify(self, submission_id: uuid.UUID) -> None:
        """Let the poller look at this submission. Any thread may call it, after the commit."""
        with self._lock:
            if submission_id in self._subscriptions:
                self._changed.add(submission_id)
                self._wake()

    @contextmanager
    def waking(self, wake: Callable[[], object]) -> Iterator[None]:
        """Call ``wake`` at each notification, in its thread."""
        with self._lock:
            self._wake = wake
        try:
            yield
        finally:
            with self._lock:
                self._wake = _wake_nobody

    def take_changed(self) -> list[uuid.UUID]:
        """The submissions that have changed since the last call, as long as somebody follows them."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return [one for one in changed if one in self._subscriptions]

    def tell(self, statuses: Mapping[uuid.UUID, Status]) -> None:
        """Tell all who follow these submissions."""
        with self._lock:
            told = [(one, status) for key, status in statuses.items() for one in self._subscriptions.get(key, ())]
        for subscription, status in told:
            subscription.tell(status)

    def subscribed_ids(self) -> list[uuid.UUID]:
        """The submissions that somebody follows."""
        with self._lock:
            return list(self._subscriptions)

    @contextmanager
    def subscribe(self, submission_id: uuid.UUID) -> Iterator[Subscription]:
        """A subscription of the running coroutine. The poller looks at the submission at once."""
        subscription = Subscription()
        with self._lock:
            self._subscriptions[submission_id].add(subscription)
        self.notify(submission_id)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions[submission_id].discard(subscription)
                if not self._subscriptions[submission_id]:
                    del self._subscriptions[submission_id]
