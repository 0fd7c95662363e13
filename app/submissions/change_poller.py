"""Poll the database for changes that other processes make, once for all subscribers of this process.

The number of queries a second does not grow with the number of students who wait at a deadline.
"""

from __future__ import annotations

import asyncio
import uuid

import structlog
from anyio import to_thread
from sqlalchemy.exc import SQLAlchemyError

from app.db.engine import Database
from app.db.outage import DatabaseAway
from app.submissions import repository
from app.submissions.change_notifier import ChangeNotifier

POLL_SECONDS = 0.25

log = structlog.get_logger()


class ChangePoller:
    """Notifies subscribers of submissions whose revision in the database has changed."""

    def __init__(self, database: Database, notifier: ChangeNotifier) -> None:
        self.database = database
        self.notifier = notifier
        self._revisions: dict[uuid.UUID, int] = {}

    async def run(self) -> None:
        """Poll until cancelled, also while the database is away: subscribers meet that fault themselves."""
        while True:
            if submission_ids := self.notifier.subscribed_ids():
                try:
                    await to_thread.run_sync(self.poll, submission_ids)
                except (DatabaseAway, SQLAlchemyError) as error:
                    log.warning("the database cannot be watched", error=str(error).splitlines()[0])
            await asyncio.sleep(POLL_SECONDS)

    def poll(self, submission_ids: list[uuid.UUID]) -> None:
        """Query once. A new subscription counts as a change: the submission may have changed just before it."""
        with self.database.read() as session:
            revisions = repository.revisions(session, submission_ids)
        for submission_id, revision in revisions.items():
            if self._revisions.get(submission_id) != revision:
                self.notifier.notify(submission_id)
        self._revisions = revisions
