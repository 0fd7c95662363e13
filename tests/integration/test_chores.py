"""What one worker does for all: whose turn it is, and work that nobody would ever touch again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from app.db.base import now
from app.db.engine import Database
from app.queue import repository
from app.queue.dbos_engine import DbosJobs
from app.regrades import repository as regrades
from app.regrades.models import Kind, Regrade
from app.regrades.preview import Previewer
from app.settings import Settings
from app.submissions.models import RunOutcome, State, Submission
from app.worker import lost_jobs
from grader.assignment import Assignment
from grader.sandbox.supervisor import Sandbox
from tests.integration.budgets import quick
from tests.integration.test_capabilities import answers
from tests.integration.test_grading import SLEEPY
from tests.integration.test_jobs import StartWorker, grade, measure
from tests.integration.test_later_stage import examined
from tests.integration.test_regrade_jobs import RegradedCourse

AT_ONCE = timedelta(0)
MINUTE = 60.0


@pytest.fixture
def course(database: Database, jobs: DbosJobs) -> RegradedCourse:
    return RegradedCourse(database, jobs)


class Clock:
    """What our own code reads as the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.offset = timedelta(0)
        monkeypatch.setattr(repository, "now", lambda: now() + self.offset)


def claims(database: Database, every_seconds: float = MINUTE) -> bool:
    with database.write() as session:
        return repository.claim_chore(session, "sweep", every_seconds=every_seconds)


def test_a_chore_is_done_once_in_its_time(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    assert claims(database)
    assert not claims(database)
    clock.offset = timedelta(seconds=MINUTE + 1)
    assert claims(database)
    assert not claims(database)


@pytest.mark.parametrize("back", [timedelta(hours=1), timedelta(days=400)])
def test_a_chore_does_not_wait_for_a_clock_that_was_set_back(
    database: Database, monkeypatch: pytest.MonkeyPatch, back: timedelta
) -> None:
    clock = Clock(monkeypatch)
    assert claims(database)
    clock.offset = -back
    assert claims(database)
    assert not claims(database), "once, by the clock as it is now"
    clock.offset += timedelta(seconds=MINUTE + 1)
    assert claims(database)


def test_a_clock_that_was_set_back_a_little_delays_a_chore_by_no_more(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    assert claims(database)
    clock.offset = timedelta(seconds=-MINUTE / 2)
    assert not claims(database)
    clock.offset += timedelta(seconds=1.5 * MINUTE + 1)
    assert claims(database)


@pytest.mark.parametrize("known", [False, True])
def test_two_workers_at_the_same_moment_do_a_chore_once(
    database: Database, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    if known:
        assert claims(database)
        Clock(monkeypatch).offset = timedelta(hours=1)
    gate = threading.Barrier(2)
    done: list[bool] = []

    def worker() -> None:
        gate.wait()
        with database.write() as session:
            mine = repository.claim_chore(session, "sweep", every_seconds=MINUTE)
            time.sleep(0.3)
        done.append(mine)

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [False, True]


def test_a_submission_whose_job_was_lost_gets_another(course: RegradedCourse, sandbox: Sandbox) -> None:
    submission = course.submit(**answers(1))
    assert lost_jobs.replace(course.database, course.jobs, AT_ONCE) == 0, "its job waits"
    course.empty_queue()
    assert lost_jobs.replace(course.database, course.jobs, timedelta(minutes=1)) == 0, "too early to tell"
    assert lost_jobs.replace(course.database, course.jobs, AT_ONCE) == 1
    assert course.jobs.active() == {(str(submission),)}
    assert lost_jobs.replace(course.database, course.jobs, AT_ONCE) == 0
    grade(course, sandbox, submission)
    course.empty_queue()
    assert lost_jobs.replace(course.database, course.jobs, AT_ONCE) == 0, "what has ended needs no job"


def test_a_later_stage_whose_job_was_lost_goes_on(course: RegradedCourse, sandbox: Sandbox, hw13: Assignment) -> None:
    submission = examined(course, sandbox, quick(hw13, ratios="[0.0]", distillation_flops="1e9"))
    course.empty_queue()
    assert lost_jobs.replace(course.database, course.jobs, AT_ONCE) == 1
    grade(course, sandbox, submission)
    measure(course, sandbox, submission)
    assert [run.outcome for run in course.runs(submission)] == [RunOutcome.FINISHED]


def test_a_clock_that_was_set_back_hides_no_lost_job(course: RegradedCourse, sandbox: Sandbox) -> None:
    grade(course, sandbox, course.submit(**answers(0)))
    regrade = course.regrade(Kind.RESCORE)
    submission = course.submit(**answers(1))
    course.empty_queue()
    tomorrow = now() + timedelta(days=1)
    with course.database.write() as session:
        session.execute(update(Submission).where(Submission.id == submission).values(submitted_at=tomorrow))
        session.execute(update(Regrade).values(created_at=tomorrow))
    assert lost_jobs.replace(course.database, course.jobs, timedelta(minutes=1)) == 2
    assert course.jobs.active() == {(str(submission),), (str(regrade),)}


def test_a_regrade_whose_jobs_were_lost_goes_on(course: RegradedCourse, sandbox: Sandbox) -> None:
    submissions = [course.submit(**answers(number)) for number in range(3)]
    for submission in submissions:
        grade(course, sandbox, submission)
    course.publish()
    regrade = course.regrade(Kind.REMEASURE)
    course.empty_queue()
    assert lost_jobs.replace(course.database, course.jobs, AT_ONCE) == 1
    assert course.jobs.active() == {(str(regrade),)}, "the regrade hands its submissions out itself"
    course.empty_queue()
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    waiting = {(str(regrade), str(submission)) for submission in submissions}
    assert course.jobs.active() == waiting
    assert lost_jobs.replace(course.database, course.jobs, AT_ONCE) == 0
    course.empty_queue()
    with course.database.write() as session:
        course.jobs.enqueue_remeasure(session, regrade, submissions[0], regrades.target_of(session, regrade))
    assert lost_jobs.replace(course.database, course.jobs, AT_ONCE) == 2, "one of them has its job"
    assert course.jobs.active() == waiting


@contextmanager
def claimed(course: RegradedCourse, executor: str) -> Iterator[Session]:
    """What is enqueued in here is claimed by an executor in the same moment, as if the database failed right then."""
    schema = "dbos." if course.database.engine.dialect.name == "postgresql" else ""
    with course.database.write() as session:
        yield session
        query = f"UPDATE {schema}workflow_status SET status = 'PENDING', executor_id = :executor"
        session.execute(text(f"{query} WHERE status = 'ENQUEUED'"), {"executor": executor})


def test_a_job_that_was_claimed_and_never_begun_is_begun_and_a_running_one_left_alone(
    settings: Settings, course: RegradedCourse, start_worker: StartWorker
) -> None:
    start_worker(settings, "only")
    # Longer than a stray is waited for: what runs is no stray.
    slow = course.submit(model=SLEEPY.format(seconds=settings.silent_seconds + 1))
    course.wait_for(slow, State.RUNNING)
    with claimed(course, "only") as session:
        stray = course.submit_within(session, answers(1))
    course.wait_for(stray, State.GRADED, seconds=60)
    course.wait_for(slow, State.GRADED, seconds=60)
    assert [len(course.runs(submission)) for submission in (slow, stray)] == [1, 1]
