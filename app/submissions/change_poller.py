"""Looking for changes that other processes made, once for everybody who waits in this one.

However many students follow their hand-ins at a deadline, the database is asked the same few times a second.
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
from app.submissions.change_notifier import Bulletin

ASK_SECONDS = 0.25

log = structlog.get_logger()


class Watch:
    """Announces on the bulletin what changed in the database."""

    def __init__(self, database: Database, bulletin: Bulletin) -> None:
        self.database = database
        self.bulletin = bulletin
        self._seen: dict[uuid.UUID, int] = {}

    async def run(self) -> None:
        """Look until cancelled. A database that is away is asked again; those who wait find out by themselves."""
        while True:
            if followed := self.bulletin.followed():
                try:
                    await to_thread.run_sync(self.look, followed)
                except (DatabaseAway, SQLAlchemyError) as error:
                    log.warning("the database cannot be watched", error=str(error).splitlines()[0])
            await asyncio.sleep(ASK_SECONDS)

    def look(self, followed: list[uuid.UUID]) -> None:
        """Ask once. What is followed for the first time is announced too: it may have changed just before."""
        with self.database.read() as session:
            found = repository.revisions(session, followed)
        for submission_id, revision in found.items():
            if self._seen.get(submission_id) != revision:
                self.bulletin.announce(submission_id)
        self._seen = found
