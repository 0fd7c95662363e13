"""When several courses have jobs waiting, workers take those of each course in turn. One course alone: as ever."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.courses import service as courses
from app.db.engine import Database
from app.queue import dbos_engine, queues
from app.queue.dbos_engine import DbosJobs
from app.queue.dbos_runner import DbosRunner
from app.queue.port import attempt_priority
from app.settings import Settings
from app.submissions import submitting
from app.submissions.submitting import Upload
from app.users import enrolments
from app.users import service as users
from app.users.models import Role
from grader.assignment import Assignment, bundled
from grader.submission import Part

FIRST, SECOND = attempt_priority(0), attempt_priority(1)
OF = {
    course: bundled("hw13").model_copy(update={"slug": slug})
    for course, slug in (("main", "hw13"), ("ml27", "ml27.hw13"))
}
_PATIENCE = 60.0


class Recorder:
    """Work that only remembers its order. Implements `app.queue.port.Work` as far as these jobs need."""

    def __init__(self) -> None:
        self.order: list[uuid.UUID] = []
        self._changed = threading.Condition()

    def grade(self, submission_id: uuid.UUID) -> Callable[[], None] | None:
        """Remember the job."""
        self._remember(submission_id)
        return None

    def _remember(self, *identifiers: uuid.UUID) -> None:
        with self._changed:
            self.order += identifiers
            self._changed.notify_all()

    measure = grade_last = measure_last = regrade = remeasure = try_rubrics = enqueue_again = _remember

    def wait_for(self, jobs: set[uuid.UUID]) -> list[uuid.UUID]:
        """The order so far, once all of these were taken."""
        with self._changed:
            assert self._changed.wait_for(lambda: jobs <= set(self.order), _PATIENCE), len(self.order)
            return list(self.order)


def enqueue(database: Database, jobs: DbosJobs, assignment: Assignment, *priorities: int) -> list[uuid.UUID]:
    """One job for each priority, in this order of arrival."""
    identifiers = [uuid.uuid4() for _ in priorities]
    with database.write() as session:
        for identifier, priority in zip(identifiers, priorities, strict=True):
            jobs.enqueue(session, identifier, priority, assignment)
    time.sleep(0.002)  # Times of arrival are milliseconds.
    return identifiers


@contextmanager
def one_slot(settings: Settings, jobs: DbosJobs, *among: str) -> Iterator[Recorder]:
    """A worker with one slot, which takes jobs until the end of the context."""
    jobs.open_queues([], among, 1, 0.01)
    recorder = Recorder()
    runner = DbosRunner(settings, "only", recorder, jobs)
    try:
        yield recorder
    finally:
        # A poll that is cut off would leave its connection open.
        jobs.open_queues([], among, 1, 60.0)
        time.sleep(0.5)
        runner.stop()


def is_shared(jobs: DbosJobs, name: str = queues.FIRST) -> bool:
    """Whether workers take jobs of a queue by course."""
    queue = jobs._client.retrieve_queue(name)
    assert queue is not None
    return queue.partition_worker_concurrency is not None


def test_a_course_with_few_submissions_does_not_wait_for_one_with_hundreds(
    settings: Settings, database: Database, jobs: DbosJobs
) -> None:
    again = enqueue(database, jobs, OF["main"], *[SECOND] * 100)
    first = enqueue(database, jobs, OF["main"], *[FIRST] * 400)
    few_again = enqueue(database, jobs, OF["ml27"], SECOND, SECOND)
    few = enqueue(database, jobs, OF["ml27"], FIRST, FIRST, FIRST)
    with one_slot(settings, jobs, "main", "ml27") as recorder:
        order = recorder.wait_for({*few, *few_again})
    # Each free slot is for one of the two courses by chance: five of sixty is less likely than 1 in 10^11.
    assert len(order) < 60
    assert set(order) <= {*first, *few, *few_again}, f"{len(again)} second attempts wait for first ones of their course"
    of_few = [job for job in order if job in {*few, *few_again}]
    assert (set(of_few[:3]), set(of_few[3:])) == (set(few), set(few_again))


def test_one_course_alone_is_served_by_priority_and_arrival(
    settings: Settings, database: Database, jobs: DbosJobs
) -> None:
    again, first = ([enqueue(database, jobs, OF["main"], each)[0] for _ in range(2)] for each in (SECOND, FIRST))
    with one_slot(settings, jobs, "main") as recorder:
        assert not is_shared(jobs)
        assert recorder.wait_for({*again, *first}) == [*first, *again]


def test_queues_are_shared_as_long_as_there_are_several_courses(database: Database, jobs: DbosJobs) -> None:
    for among in (["main"], ["main", "ml27"], ["main"]):
        jobs.open_queues([["a"]], among, 2, 0.05)
        for name in (queues.FIRST, queues.LONG, "grading+a"):
            assert is_shared(jobs, name) is (len(among) > 1)
        assert not is_shared(jobs, queues.REGRADES)


def test_a_queue_is_not_shared_before_jobs_without_a_course_have_ended(
    settings: Settings, database: Database, jobs: DbosJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        options = dbos_engine._options

        def without_course(*arguments: object, **more: object) -> object:
            return {key: value for key, value in options(*arguments, **more).items() if "partition" not in key}  # type: ignore[arg-type]

        older.setattr(dbos_engine, "_options", without_course)
        old = enqueue(database, jobs, OF["main"], SECOND)
    new = enqueue(database, jobs, OF["ml27"], FIRST)
    with one_slot(settings, jobs, "main", "ml27") as recorder:
        assert not is_shared(jobs)
        assert recorder.wait_for({*old, *new}) == [*new, *old]
        until = time.monotonic() + _PATIENCE
        while not is_shared(jobs) and time.monotonic() < until:
            jobs.open_queues([], ["main", "ml27"], 1, 0.01)
        assert is_shared(jobs)
        newest = enqueue(database, jobs, OF["main"], FIRST)
        assert recorder.wait_for({*newest})[-1] == newest[0]


def test_attempts_in_one_course_do_not_count_in_another(database: Database, jobs: DbosJobs) -> None:
    with database.write() as session:
        courses.create(session, "ml27", "Machine learning", actor="test")
        assignments.publish(session, bundled("hw13"))
        assignments.publish(session, bundled("hw13"), "ml27")
        user = users.create_user(session, login="both", name="Both", role=Role.STUDENT, actor="test")
        enrolments.enrol(session, user, "ml27", Role.STUDENT)
        both = Viewer.of(user)
        for number, slug in enumerate(("hw13", "hw13", "ml27.hw13", "ml27.hw13")):
            part = Part(f'{{"2.2": "{number}"}}'.encode())
            submitting.add_submission(session, jobs, both, Upload(slug, None, "suggest", {"answers": part}), None)
        table = "dbos.workflow_status" if session.get_bind().dialect.name == "postgresql" else "workflow_status"
        query = f"SELECT queue_partition_key, priority FROM {table} ORDER BY created_at, priority"
        waiting = [tuple(row) for row in session.execute(text(query))]
    assert sorted(waiting) == [("main", FIRST), ("main", SECOND), ("ml27", FIRST), ("ml27", SECOND)]


def test_a_slow_grading_of_a_dead_worker_is_enqueued_again_where_queues_are_shared(
    settings: Settings, database: Database, jobs: DbosJobs
) -> None:
    jobs.open_queues([], ["main", "ml27"], 1, 0.01)
    slow = enqueue(database, jobs, OF["ml27"], FIRST)
    with database.write() as session:
        table = "dbos.workflow_status" if session.get_bind().dialect.name == "postgresql" else "workflow_status"
        # The job outside any queue that stands for it; see `DbosRunner._leave_queue`.
        outside = f"name = '{dbos_engine.GRADE_SLOW}', queue_name = NULL, queue_partition_key = NULL"
        session.execute(text(f"UPDATE {table} SET status = 'PENDING', executor_id = 'dead', {outside}"))
    assert jobs.give_out_again(["dead"]) == 1
    with one_slot(settings, jobs, "main", "ml27") as recorder:
        assert recorder.wait_for(set(slow)) == slow
