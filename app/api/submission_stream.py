"""The changes of a submission during its grading, as events or as a wait for the end."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent

from app.auth.viewer import Viewer
from app.db.engine import Database
from app.http import conditional
from app.reports import service as reports
from app.reports.schemas import ProgressView, Report
from app.submissions import repository, service
from app.submissions.change_notifier import ChangeNotifier, Status
from app.submissions.models import State

POLL_SECONDS = 30.0
"""A stream also polls for itself, for changes of which nobody tells it."""
STREAM_SECONDS = 600.0
"""A stream ends after this long, and browsers open it again."""
_REST = 4.0
"""After a report a stream rests this many times as long as the report took: under load, one report tells more."""


class SubmissionStream:
    """The changes of one submission for one viewer, from a status on."""

    def __init__(
        self, database: Database, notifier: ChangeNotifier, viewer: Viewer, submission_id: uuid.UUID, status: Status
    ) -> None:
        self.database = database
        self.notifier = notifier
        self.viewer = viewer
        self.submission_id = submission_id
        self._status = status

    @classmethod
    def open(
        cls, database: Database, notifier: ChangeNotifier, viewer: Viewer, submission_id: uuid.UUID
    ) -> SubmissionStream:
        """The changes from now on. Raises `SubmissionNotFound`."""
        return cls(database, notifier, viewer, submission_id, _current_status(database, viewer, submission_id))

    async def wait_for_end(self, seconds: float) -> None:
        """Return when the submission has ended or the time is up. Raises `SubmissionNotFound`."""
        async for state, _ in self._changes(seconds):
            if state.ended:
                return

    async def events(self, language: str) -> AsyncIterator[ServerSentEvent]:
        """``question`` for every new verdict, ``progress`` between, ``done`` with the report at the end.

        A stream that begins late sends the earlier verdicts first.
        """
        sent: dict[str, str] = {}
        progress: ProgressView | None = None
        async for state, _ in self._changes(STREAM_SECONDS):
            if state is State.QUEUED:
                continue
            start = time.monotonic()
            report, tag = await run_in_threadpool(self._tagged_report, language)
            rest = _REST * (time.monotonic() - start)
            for question in report.questions:
                text = question.model_dump_json()
                if question.verdict != "pending" and sent.get(question.number) != text:
                    sent[question.number] = text
                    yield ServerSentEvent(event="question", raw_data=text, id=tag)
            if report.state.ended:
                yield ServerSentEvent(event="done", raw_data=report.model_dump_json(), id=tag)
                return
            if report.progress is not None and report.progress != progress:
                progress = report.progress
                yield ServerSentEvent(event="progress", raw_data=progress.model_dump_json(), id=tag)
            await asyncio.sleep(rest)

    async def _changes(self, seconds: float) -> AsyncIterator[Status]:
        """The state and revision now and after every change, until the time is up."""
        until = time.monotonic() + seconds
        with self.notifier.subscribe(self.submission_id) as subscription:
            yield self._status
            while (remaining := until - time.monotonic()) > 0:
                news = await subscription.next(min(POLL_SECONDS, remaining))
                if news is None:
                    news = await run_in_threadpool(_current_status, self.database, self.viewer, self.submission_id)
                if news[1] > self._status[1]:
                    self._status = news
                    yield news

    def _tagged_report(self, language: str) -> tuple[Report, str]:
        with self.database.read() as session:
            report = reports.load_report(session, self.viewer, self.submission_id, language)
        # The revision would tell that a result changed that the reader does not see.
        return report, conditional.tag(report).strip('"')


def _current_status(database: Database, viewer: Viewer, submission_id: uuid.UUID) -> Status:
    with database.read() as session:
        status = repository.status(session, viewer, submission_id)
    if status is None:
        raise service.SubmissionNotFound
    return status
