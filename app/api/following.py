"""Following a submission while it is graded: waiting for its end, and its changes as events."""

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
from app.reports import service as reports
from app.reports.schemas import ProgressView, Report
from app.submissions import repository, service
from app.submissions.change_notifier import Bulletin
from app.submissions.models import State

ASK_SECONDS = 5.0
"""How often a waiter asks for itself. What changes is announced to it; this is for what nobody announced."""
STREAM_SECONDS = 600.0
"""A stream ends after this long; browsers open it again by themselves."""


class Follower:
    """One viewer who follows one submission."""

    def __init__(self, database: Database, bulletin: Bulletin, viewer: Viewer, submission_id: uuid.UUID) -> None:
        self.database = database
        self.bulletin = bulletin
        self.viewer = viewer
        self.submission_id = submission_id

    async def wait_for_end(self, seconds: float) -> None:
        """Return when the submission has ended or the time is up. Raises `SubmissionNotFound`."""
        async for state, _ in self._changes(seconds):
            if state.ended:
                return

    async def events(self, language: str) -> AsyncIterator[ServerSentEvent]:
        """``question`` for every verdict that lands, ``progress`` between, ``done`` with the report at the end.

        Whoever joins late gets what has landed already first.
        """
        told: dict[str, str] = {}
        progress: ProgressView | None = None
        async for _, revision in self._changes(STREAM_SECONDS):
            report = await run_in_threadpool(self._report, language)
            for question in report.questions:
                text = question.model_dump_json()
                if question.verdict != "pending" and told.get(question.number) != text:
                    told[question.number] = text
                    yield ServerSentEvent(event="question", raw_data=text, id=str(revision))
            if report.state.ended:
                yield ServerSentEvent(event="done", raw_data=report.model_dump_json(), id=str(revision))
                return
            if report.progress is not None and report.progress != progress:
                progress = report.progress
                yield ServerSentEvent(event="progress", raw_data=progress.model_dump_json(), id=str(revision))

    async def _changes(self, seconds: float) -> AsyncIterator[tuple[State, int]]:
        """The state and revision now and after every change, until the time is up."""
        until = time.monotonic() + seconds
        seen: int | None = None
        with self.bulletin.subscribe(self.submission_id) as changed:
            while True:
                changed.clear()
                state, revision = await run_in_threadpool(self._state)
                if revision != seen:
                    seen = revision
                    yield state, revision
                left = until - time.monotonic()
                if left <= 0:
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), min(ASK_SECONDS, left))

    def _state(self) -> tuple[State, int]:
        with self.database.read() as session:
            found = repository.state_of(session, self.viewer, self.submission_id)
        if found is None:
            raise service.SubmissionNotFound
        return found

    def _report(self, language: str) -> Report:
        with self.database.read() as session:
            return reports.report(session, self.viewer, self.submission_id, language)
