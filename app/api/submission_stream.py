"""The changes of a submission during its grading, as events or as a wait for the end."""

from __future__ import annotations

import asyncio
import contextlib
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
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.models import State

POLL_SECONDS = 5.0
"""A stream also polls for itself, for changes that no notification reports."""
STREAM_SECONDS = 600.0
"""A stream ends after this long, and browsers open it again."""


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
            report = await run_in_threadpool(self._report, language)
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

    async def _changes(self, seconds: float) -> AsyncIterator[tuple[State, int]]:
        """The state and revision now and after every change, until the time is up."""
        until = time.monotonic() + seconds
        last_revision: int | None = None
        with self.notifier.subscribe(self.submission_id) as changed:
            while True:
                changed.clear()
                state, revision = await run_in_threadpool(self._state)
                if revision != last_revision:
                    last_revision = revision
                    yield state, revision
                remaining = until - time.monotonic()
                if remaining <= 0:
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(POLL_SECONDS, remaining))

    def _state(self) -> tuple[State, int]:
        with self.database.read() as session:
            state = repository.state_of(session, self.viewer, self.submission_id)
        if state is None:
            raise service.SubmissionNotFound
        return state

    def _report(self, language: str) -> Report:
        with self.database.read() as session:
            return reports.load_report(session, self.viewer, self.submission_id, language)
