"""Following many hand-ins costs the database as much as following one, and changes of other processes arrive."""

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

from app.api import following
from app.api.following import Follower
from app.db.engine import Database
from app.db.outage import reported
from app.queue.dbos_engine import DbosJobs
from app.submissions import repository
from app.submissions.change_notifier import Bulletin
from app.submissions.change_poller import ASK_SECONDS, Watch
from app.submissions.models import State
from tests.integration.test_jobs import Course

MANY = 20


class Waiting:
    """People who wait for the ends of hand-ins, in one process with a watch."""

    def __init__(self, database: Database, course: Course) -> None:
        self.database, self.course, self.bulletin = database, course, Bulletin()
        self.queries = 0

    def follower(self, submission_id: uuid.UUID) -> Follower:
        return Follower(self.database, self.bulletin, self.course.student, submission_id)

    def count(self, *_: Any) -> None:
        self.queries += 1

    async def during(self, submission_ids: list[uuid.UUID], seconds: float) -> int:
        """How many queries all of them cost while nothing happens, once everybody waits."""
        watch = asyncio.create_task(Watch(self.database, self.bulletin).run())
        waiters = [asyncio.create_task(self.follower(one).wait_for_end(30)) for one in submission_ids]
        while len(self.bulletin.followed()) < len(submission_ids):
            await asyncio.sleep(0.01)
        await asyncio.sleep(2 * ASK_SECONDS)
        event.listen(self.database.engine, "before_cursor_execute", self.count)
        await asyncio.sleep(seconds)
        event.remove(self.database.engine, "before_cursor_execute", self.count)
        for task in (watch, *waiters):
            task.cancel()
        return self.queries


def test_many_followers_cost_what_one_costs(database: Database, jobs: DbosJobs) -> None:
    course = Course(database, jobs)
    ids = [course.hand_in(summary=f"Total params: {number}") for number in range(MANY)]
    one = asyncio.run(Waiting(database, course).during(ids[:1], 2.0))
    many = asyncio.run(Waiting(database, course).during(ids, 2.0))
    assert one > 0, "it does look"
    assert many < 2 * one, "a look is one query, whoever waits"


def test_a_change_by_another_process_ends_the_wait(database: Database, jobs: DbosJobs) -> None:
    course = Course(database, jobs)
    submission_id = course.hand_in(summary="Total params: 1")
    waiting = Waiting(database, course)

    async def ended() -> float:
        watch = asyncio.create_task(Watch(database, waiting.bulletin).run())
        waiter = asyncio.create_task(waiting.follower(submission_id).wait_for_end(30))
        await asyncio.sleep(3 * ASK_SECONDS)
        await asyncio.to_thread(end, database, course, submission_id)
        begun = time.monotonic()
        await waiter
        watch.cancel()
        return time.monotonic() - begun

    assert asyncio.run(ended()) < following.ASK_SECONDS / 2, "it was announced, not found by asking"


def test_a_database_that_was_away_is_watched_again(
    database: Database, jobs: DbosJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = Course(database, jobs)
    submission_id = course.hand_in(summary="Total params: 1")
    waiting = Waiting(database, course)
    watched = Watch(database, waiting.bulletin)
    answers, looks = database.read, iter([True, True, False])

    @contextmanager
    def away() -> Iterator[Session]:
        with reported(), answers() as session:
            if next(looks, False):
                raise OperationalError("SELECT", None, ConnectionError("the server closed the connection"))
            yield session

    async def ended() -> bool:
        waiter = asyncio.create_task(waiting.follower(submission_id).wait_for_end(30))
        await asyncio.sleep(ASK_SECONDS)
        monkeypatch.setattr(database, "read", away)
        watch = asyncio.create_task(watched.run())
        await asyncio.sleep(4 * ASK_SECONDS)
        alive = not watch.done()
        watch.cancel()
        waiter.cancel()
        return alive

    assert asyncio.run(ended())
    assert next(looks, None) is None, "it was asked again"


def end(database: Database, course: Course, submission_id: uuid.UUID) -> None:
    """As a worker elsewhere would: nobody in this process is told."""
    with database.write() as session:
        submission = repository.get(session, course.student, submission_id)
        assert submission is not None
        submission.state = State.CANCELLED
        session.flush()
        repository.touch(session, submission_id)
