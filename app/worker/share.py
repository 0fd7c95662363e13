"""The share of the processor that one student has: beyond it, the next submission waits behind everybody else's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from app.db import outage
from app.db.base import now
from app.db.engine import Database
from app.submissions.processor_use import repository
from grader.sandbox import metering

_HOUR = timedelta(hours=1)
_COUNTED_FROM = 2.0
"""Seconds. Less is not stored: most gradings use little, and a write costs more than they do."""


class Shares:
    """The processor time of each student in the last hour, by first and later stages."""

    def __init__(self, database: Database, seconds_an_hour: float) -> None:
        self._database = database
        self._seconds = seconds_an_hour

    def is_spent(self, submission_id: uuid.UUID) -> bool:
        """Whether the student of this submission has used more than the share."""
        with self._database.read() as session:
            return repository.seconds_since(session, submission_id, now() - _HOUR) > self._seconds

    @contextmanager
    def metered(self, submission_id: uuid.UUID) -> Iterator[None]:
        """Count what the sandbox uses in this context, however it ends."""
        with metering.metered() as meter:
            try:
                yield
            finally:
                if meter.seconds >= _COUNTED_FROM:
                    self._add(submission_id, meter.seconds)

    def _add(self, submission_id: uuid.UUID, seconds: float) -> None:
        with suppress(outage.DatabaseAway), self._database.write() as session:
            repository.add(session, submission_id, seconds)
