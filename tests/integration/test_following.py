"""Many streams cost the database as much as one, and changes of other processes arrive."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.api import submission_stream
from app.api.submission_stream import SubmissionStream
from app.db.engine import Database
from app.db.outage import translated
from app.queue.dbos_engine import DbosJobs
from app.reports import service as reports
from app.submissions import change_poller, repository
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.change_poller import POLL_SECONDS, ChangePoller
from app.submissions.models import State
from tests.integration.service import PATIENCE
from tests.integration.test_jobs import Course

MANY = 20


class Streams:
    """Streams of submissions in one process with a poller."""

    def __init__(self, database: Database, course: Course) -> None:
        self.database, self.course, self.notifier = database, course, ChangeNotifier()
        self.queries = 0

    def stream(self, submission_id: uuid.UUID) -> SubmissionStream:
        return SubmissionStream.open(self.database, self.notifier, self.course.student, submission_id)

    def count(self, *_: Any) -> None:
        self.queries += 1

    async def count_queries(self, submission_ids: list[uuid.UUID], seconds: float) -> int:
        """The queries of all streams while nothing changes, after every stream has subscribed."""
        poller = asyncio.create_task(ChangePoller(self.database, self.notifier).run())
        waiters = [asyncio.create_task(self.stream(one).wait_for_end(30)) for one in submission_ids]
        while len(self.notifier.subscribed_ids()) < len(submission_ids):
            await asyncio.sleep(0.01)
        await asyncio.sleep(2 * POLL_SECONDS)
        event.listen(self.database.engine, "before_cursor_execute", self.count)
        await asyncio.sleep(seconds)
        event.remove(self.database.engine, "before_cursor_execute", self.count)
        for task in (poller, *waiters):
            task.cancel()
        return self.queries


def test_many_streams_cost_what_one_costs(database: Database, jobs: DbosJobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_poller, "_REST", 0.0)
    course = Course(database, jobs)
    ids = [course.submit(summary=f"Total params: {number}") for number in range(MANY)]
    one = asyncio.run(Streams(database, course).count_queries(ids[:1], 2.0))
    many = asyncio.run(Streams(database, course).count_queries(ids, 2.0))
    assert one > 0, "it polls"
    assert many < 2 * one, "a poll is one query for all streams"


def test_a_change_by_another_process_ends_the_wait(database: Database, jobs: DbosJobs) -> None:
    course = Course(database, jobs)
    submission_id = course.submit(summary="Total params: 1")
    streams = Streams(database, course)

    async def ended() -> float:
        poller = asyncio.create_task(ChangePoller(database, streams.notifier).run())
        waiter = asyncio.create_task(streams.stream(submission_id).wait_for_end(30))
        await asyncio.sleep(3 * POLL_SECONDS)
        await asyncio.to_thread(set_state, database, course, submission_id, State.CANCELLED)
        begun = time.monotonic()
        await waiter
        poller.cancel()
        return time.monotonic() - begun

    assert asyncio.run(ended()) < submission_stream.POLL_SECONDS / 2, "a notification ended the wait"


def test_a_database_that_was_away_is_polled_again(
    database: Database, jobs: DbosJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Course(database, jobs)
    submission_id = course.submit(summary="Total params: 1")
    streams = Streams(database, course)
    poller = ChangePoller(database, streams.notifier)
    answers, outages = database.read, [True, True, False]

    @contextmanager
    def away() -> Iterator[Session]:
        with translated(), answers() as session:
            if outages and outages.pop(0):
                raise OperationalError("SELECT", None, ConnectionError("the server closed the connection"))
            yield session

    async def ended() -> bool:
        waiter = asyncio.create_task(streams.stream(submission_id).wait_for_end(30))
        await asyncio.sleep(POLL_SECONDS)
        monkeypatch.setattr(database, "read", away)
        polling = asyncio.create_task(poller.run())
        until = time.monotonic() + PATIENCE
        while outages and not polling.done() and time.monotonic() < until:
            await asyncio.sleep(POLL_SECONDS)
        alive = not polling.done()
        polling.cancel()
        waiter.cancel()
        return alive

    assert asyncio.run(ended())
    assert outages == [], "it polled again"


def set_state(database: Database, course: Course, submission_id: uuid.UUID, state: State) -> None:
    """Change it as a worker elsewhere does: without a notification in this process."""
    with database.write() as session:
        submission = repository.get(session, course.student, submission_id)
        assert submission is not None
        submission.state = state
        session.flush()
        repository.touch(session, submission_id)


def test_a_stream_makes_no_report_while_nothing_is_graded_and_rests_after_one(
    database: Database, jobs: DbosJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Course(database, jobs)
    submission_id = course.submit(summary="Total params: 1")
    streams = Streams(database, course)
    made: list[State] = []
    load_report = reports.load_report

    def counted(*arguments: Any) -> Any:
        report = load_report(*arguments)
        made.append(report.state)
        return report

    monkeypatch.setattr(reports, "load_report", counted)
    monkeypatch.setattr(submission_stream, "_REST", 1e6)

    async def follow() -> None:
        async for _ in streams.stream(submission_id).events("en"):
            pass

    async def changes() -> None:
        polling = asyncio.create_task(ChangePoller(database, streams.notifier).run())
        following = asyncio.create_task(follow())
        for state in (State.QUEUED, State.RUNNING, State.RUNNING):
            await asyncio.to_thread(set_state, database, course, submission_id, state)
            await asyncio.sleep(3 * POLL_SECONDS)
            assert len(made) == (state is State.RUNNING)
        polling.cancel()
        following.cancel()

    asyncio.run(changes())
    assert made == [State.RUNNING]
