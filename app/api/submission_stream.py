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

POLL_SECONDS = 30.0
"""A stream also polls for itself, for changes of which nobody tells it."""
STREAM_SECONDS = 600.0
"""A stream ends after this long, and browsers open it again."""
_REST = 2.0
"""After a report a stream rests this many times as long as the report took: under load, one report tells more."""


class SubmissionStream:
    """The changes of one submission for one viewer."""

    def __init__(self, database: Database, notifier: ChangeNotifier, viewer: Viewer, submission_id: uuid.UUID) -> None:
        self.database = database
        self.notifier = notifier
        self.viewer = viewer
        self.submission_id = submission_id

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
        async for _ in self._changes(STREAM_SECONDS):
            start = time.monotonic()
            report = await run_in_threadpool(self._report, language)
            rest = _REST * (time.monotonic() - start)
            # The revision would tell that a result changed that the reader does not see.
            tag = conditional.tag(report).strip('"')
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
        last_revision = -1
        with self.notifier.subscribe(self.submission_id) as subscription:
            status: Status = await run_in_threadpool(self._status)
            while True:
                if status[1] > last_revision:
                    last_revision = status[1]
                    yield status
                remaining = until - time.monotonic()
                if remaining <= 0:
                    return
                news = await subscription.next(min(POLL_SECONDS, remaining))
                status = news if news is not None else await run_in_threadpool(self._status)

    def _status(self) -> Status:
        with self.database.read() as session:
            status = repository.status(session, self.viewer, self.submission_id)
        if status is None:
            raise service.SubmissionNotFound
        return status

    def _report(self, language: str) -> Report:
        with self.database.read() as session:
            return reports.load_report(session, self.viewer, self.submission_id, language)
