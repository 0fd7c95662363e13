"""Read the status of the submissions that somebody follows, one query for all of them.

The number of queries a second does not grow with the number of students who wait at a deadline.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from contextlib import suppress

import structlog
from anyio import CapacityLimiter, to_thread
from sqlalchemy.exc import SQLAlchemyError

from app.db.engine import Database
from app.db.outage import DatabaseAway
from app.submissions import repository
from app.submissions.change_notifier import ChangeNotifier

POLL_SECONDS = 0.25
"""How often it reads all of them, for changes that other processes make; those of a notification it reads at once."""
_REST = 10.0
"""After reading all of them it does not do so again for this many times as long as that took."""

log = structlog.get_logger()


class ChangePoller:
    """Tells the subscribers of a notifier what the database says."""

    def __init__(self, database: Database, notifier: ChangeNotifier) -> None:
        self.database = database
        self.notifier = notifier

    async def run(self) -> None:
        """Poll until cancelled, also while the database is away: subscribers meet that fault themselves."""
        own_thread, loop, notified = CapacityLimiter(1), asyncio.get_running_loop(), asyncio.Event()
        next_of_all = time.monotonic()
        with self.notifier.waking(lambda: loop.call_soon_threadsafe(notified.set)):
            while True:
                notified.clear()
                submission_ids = self.notifier.take_changed()
                start = time.monotonic()
                if is_of_all := start >= next_of_all:
                    submission_ids = self.notifier.subscribed_ids()
                if submission_ids:
                    try:
                        await to_thread.run_sync(self.poll, submission_ids, limiter=own_thread)
                    except (DatabaseAway, SQLAlchemyError) as error:
                        log.warning("the database cannot be watched", error=str(error).splitlines()[0])
                if is_of_all:
                    next_of_all = max(start + POLL_SECONDS, time.monotonic() + _REST * (time.monotonic() - start))
                with suppress(TimeoutError):
                    await asyncio.wait_for(notified.wait(), max(0.01, next_of_all - time.monotonic()))

    def poll(self, submission_ids: list[uuid.UUID]) -> None:
        """Query once."""
        with self.database.read() as session:
            statuses = repository.statuses(session, submission_ids)
        self.notifier.tell(statuses)
