"""Which worker takes which job: by its version and its data sets. What nobody takes any more finds a new home."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.base import now
from app.db.engine import Database
from app.grading import cancelling
from app.queue import dbos_engine, queues, repository
from app.queue.dbos_engine import DbosJobs
from app.queue.models import GraderVersion
from app.queue.port import MEASURING, attempt_priority
from app.regrades.models import Kind
from app.settings import Settings
from app.submissions import repository as submissions
from app.submissions import submitting
from app.submissions.models import State
from app.submissions.submitting import Upload
from app.users import service as users
from app.users.models import Role
from app.worker.chores import KEPT, Chores, is_newer
from grader.assignment import bundled, from_files
from grader.submission import Part
from grader.version import GRADER_VERSION
from reference_models import food11
from tests import warm_processes
from tests.integration.conftest import MakeSettings
from tests.integration.service import Process, WorkerProcess
from tests.integration.test_jobs import Course
from tests.integration.test_regrade_jobs import RegradedCourse

StartWorker = Callable[[Settings, str], WorkerProcess]
_OF_VERSION = """
import grader.version
grader.version.GRADER_VERSION = {version!r}
from grader.sandbox import supervisor
from tests import warm_processes
supervisor.subprocess = warm_processes.use_warm_fork_servers({fork_servers!r})
from app.commands.service import work
work()
"""
_NOTHING_IS_SLOW = """
import functools
from app.worker import worker
worker.SLOW_SECONDS = 1e6
worker.Slots = functools.partial(worker.Slots, slow_seconds=1e6)
"""
"""On a busy machine any first stage may be slow: then a second job stands for it, and others are postponed anew."""
_MORE_PRUNING = """
[[questions]]
number = "3.3"
check = "pruning"
points = 1.0
parts = ["pruning_plot"]
title = {{ en = "On more data", zh-Hant = "更多資料" }}
[questions.options]
data = "{data_set}"
"""


@pytest.fixture
def course(database: Database, jobs: DbosJobs) -> RegradedCourse:
    return RegradedCourse(database, jobs)


@pytest.fixture
def start_version() -> Iterator[Callable[[Settings, str], Process]]:
    """Starts a worker of another version; none outlives the test."""
    started: list[Process] = []

    def start(settings: Settings, version: str) -> Process:
        code = _OF_VERSION.format(version=version, fork_servers=warm_processes.address("fork server"))
        started.append(Process(code, settings, version, True, ASSAY_EXECUTOR_ID=f"version-{version}"))
        started[-1].wait_for("worker started")
        return started[-1]

    yield start
    for process in started:
        process.close()


@contextmanager
def opened(settings: Settings) -> Iterator[Course]:
    """A course in the database of these settings."""
    database, jobs = Database(settings), DbosJobs(settings)
    with database.write() as session:
        assignments.publish_bundled(session)
    try:
        yield Course(database, jobs)
    finally:
        jobs.close()
        database.close()


def answers(number: int) -> dict[str, str]:
    return {"answers": f'{{"2.2": "{number}"}}'}


def jobs_of(course: Course) -> list[tuple[str, str, int]]:
    """Version, queue and priority of every waiting job, in the order in which workers take them."""
    table = "dbos.workflow_status" if course.database.engine.dialect.name == "postgresql" else "workflow_status"
    query = f"SELECT application_version, queue_name, priority FROM {table} WHERE status = 'ENQUEUED'"
    with course.database.read() as session:
        return [tuple(row) for row in session.execute(text(f"{query} ORDER BY priority, created_at"))]


@pytest.mark.postgresql
def test_old_and_new_workers_side_by_side_keep_to_their_own_jobs(
    make_settings: MakeSettings, start_version: Any
) -> None:
    # On a busy machine a worker is silent for seconds, and the older one would then take over from it.
    settings = make_settings("postgresql").model_copy(update={"silent_seconds": 10.0})
    with opened(settings) as course, closing(WorkerProcess(settings, "new", before=_NOTHING_IS_SLOW)):
        old = start_version(settings, "0.0.9")
        submissions = [course.submit(**answers(number)) for number in range(6)]
        for submission in submissions:
            course.wait_for(submission, State.GRADED)
        runs = [run for submission in submissions for run in course.runs(submission)]
        assert {(run.executor, run.grader_version) for run in runs} == {("new", GRADER_VERSION)}
        with course.database.read() as session:
            rows = {row.executor: row.capabilities or {} for row in repository.workers(session)}
        assert rows["version-0.0.9"]["grader_version"] == "0.0.9"
        assert rows["new"]["grader_version"] == GRADER_VERSION
        assert rows["new"]["cores"] >= 1
        assert "seccomp" in rows["new"]["layers"]
        assert set(rows["new"]["data_sets"]) == {"food11-mini"}
        # A service of the old version took one more; when its last worker has gone, the new ones take it over.
        assert old.stop() == 0
        left_behind = enqueued_by(course, "0.0.9")
        course.wait_for(left_behind, State.GRADED)
        assert [run.executor for run in course.runs(left_behind)] == ["new"]
        # What has ended is forgotten by the job engine, a day later, and by nobody else.
        assert course.jobs.forget_ended(now() - KEPT) == 0
        assert course.jobs.forget_ended(now() + KEPT) == len(submissions) + 1
        assert course.submission(left_behind).state is State.GRADED


def enqueued_by(course: Course, version: str) -> uuid.UUID:
    """A hand-in that a service of another version took."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dbos_engine, "APPLICATION_VERSION", version)
        return course.submit(**answers(77))


def test_an_older_worker_waits_for_newer_ones_and_never_takes_their_regrades(
    settings: Settings, course: RegradedCourse
) -> None:
    submission = enqueued_by(course, "99.0")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dbos_engine, "APPLICATION_VERSION", "99.0")
        course.regrade(Kind.RESCORE)
    with course.database.write() as session:
        repository.see_version(session, "99.0")
    chores = Chores(settings, course.database, course.jobs)
    chores._adopt()
    assert {version for version, _, _ in jobs_of(course)} == {"99.0"}
    with course.database.write() as session:
        session.get_one(GraderVersion, "99.0").seen_at = now() - timedelta(minutes=5)
    chores._adopt()
    assert sorted(jobs_of(course)) == [
        (GRADER_VERSION, "grading", attempt_priority(0)),
        ("99.0", "regrades", 1000),
    ]
    assert course.submission(submission).state is State.QUEUED


def test_later_stage_of_a_version_with_one_queue_for_all_waits_where_this_one_looks(
    settings: Settings, course: Course
) -> None:
    submission = enqueued_by(course, "0.0.9")
    with pytest.MonkeyPatch.context() as patched, course.database.write() as session:
        patched.setattr(dbos_engine, "APPLICATION_VERSION", "0.0.9")
        patched.setattr(queues, "LONG", "grading")
        course.jobs.enqueue_measuring(session, submission, submissions.assignment_of(session, submission))
    assert [queue for _, queue, _ in jobs_of(course)] == ["grading", "grading"]
    with course.database.write() as session:
        repository.see_version(session, "0.0.9")
        session.get_one(GraderVersion, "0.0.9").seen_at = now() - timedelta(minutes=5)
    Chores(settings, course.database, course.jobs)._adopt()
    assert jobs_of(course) == [
        (GRADER_VERSION, "grading", attempt_priority(0)),
        (GRADER_VERSION, "measuring", MEASURING),
    ]


def test_versions_compare_by_their_numbers() -> None:
    assert is_newer("0.10.0", "0.9.3")
    assert not is_newer("0.9.3", "0.10.0")
    assert not is_newer("1.0", "1.0")


def publish_needing(course: Course, version: int, *data_sets: str) -> None:
    """Publish the worked assignment anew, measured on these data sets: a pruning question for each."""
    files = dict(bundled("hw13").files)
    text = files["assignment.toml"].replace("version = 1\n", f"version = {version}\n")
    for data_set in data_sets[:1]:
        text = text.replace("sweep_flops", f'data = "{data_set}"\nsweep_flops', 1)
    for data_set in data_sets[1:]:
        text += _MORE_PRUNING.format(data_set=data_set)
    with course.database.write() as session:
        assignments.publish_version(session, from_files(files | {"assignment.toml": text}), "test")


def with_data(settings: Settings, folder: str, *data_sets: str) -> Settings:
    """Settings of a worker elsewhere that has these data sets."""
    elsewhere = settings.data_dir / folder
    for data_set in data_sets:
        shutil.copytree(food11.FOLDER, elsewhere / "datasets" / data_set)
    return settings.model_copy(update={"data_dir": elsewhere})


@pytest.mark.thorough
def test_jobs_that_need_data_wait_for_a_worker_that_has_them(
    make_settings: MakeSettings, start_worker: StartWorker
) -> None:
    settings = make_settings("sqlite")
    with opened(settings) as course:
        publish_needing(course, 2, "food11")
        needs_data = course.submit(**answers(2))
        publish_needing(course, 3)
        needs_none = course.submit(**answers(3))
        start_worker(settings, "without")
        course.wait_for(needs_none, State.GRADED)
        assert course.submission(needs_data).state is State.QUEUED
        start_worker(with_data(settings, "elsewhere", "food11"), "with")
        course.wait_for(needs_data, State.GRADED)
        assert [run.executor for run in course.runs(needs_data)] == ["with"]


def test_a_job_that_needs_several_data_sets_ends_at_a_worker_that_has_all_of_them(
    make_settings: MakeSettings, start_worker: StartWorker
) -> None:
    settings = make_settings("sqlite")
    with opened(settings) as course:
        publish_needing(course, 2, "first", "second")
        with pytest.MonkeyPatch.context() as patched:
            # Versions before this one had a queue for each combination.
            patched.setattr(queues, "name_of", lambda kind, data_sets: "+".join([kind, *data_sets]))
            waiting = [course.submit(**answers(1))]
        assert [queue for _, queue, _ in jobs_of(course)] == ["grading+first+second"]
        half = start_worker(with_data(settings, "half", "first", "third"), "half")
        waiting.append(course.submit(**answers(2)))
        half.wait_for("postponed a job")
        assert {course.submission(submission).state for submission in waiting} == {State.QUEUED}
        start_worker(with_data(settings, "whole", "first", "second"), "whole")
        for submission in waiting:
            course.wait_for(submission, State.GRADED)
            assert {run.executor for run in course.runs(submission)} == {"whole"}


def test_queues_come_and_go_with_publication(settings: Settings, course: Course) -> None:
    chores = Chores(settings, course.database, course.jobs)

    def names() -> set[str]:
        chores.open_queues()
        return {queue.name for queue in course.jobs._client.list_queues()}

    shared = {"regrades", "grading", "measuring"}
    assert names() == shared
    publish_needing(course, 2, "first", "second")
    several = {"grading/several data sets", "measuring/several data sets"}
    assert names() == shared | several
    publish_needing(course, 3, "first")
    of_first = {"grading+first", "measuring+first"}
    assert names() == shared | of_first
    submission = course.submit(**answers(1))
    publish_needing(course, 4)
    assert names() == shared | of_first, "a job waits there"
    with course.database.write() as session:
        cancelling.cancel(session, course.student, submission)
    assert names() == shared | {"grading+first"}, "its job is not taken back"
    course.jobs._client.cancel_workflows([job.workflow_id for job in course.jobs._client.list_workflows()])
    assert names() == shared


def test_workers_poll_less_often_when_nothing_was_submitted_for_a_while(
    settings: Settings, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interval() -> float:
        Chores(settings, course.database, course.jobs).open_queues()
        queue = course.jobs._client.retrieve_queue("grading")
        assert queue is not None
        return queue.polling_interval_sec

    assert interval() == 0.15
    course.submit(**answers(1))
    assert interval() == settings.queue_poll_seconds == 0.05
    monkeypatch.setattr(dbos_engine, "_BUSY", timedelta(0))
    assert interval() == 0.15


def test_no_second_attempt_goes_before_anothers_first(course: RegradedCourse) -> None:
    for number in range(3):
        course.submit(**answers(number))
    with course.database.write() as session:
        other = Viewer.of(users.create_user(session, login="other", name="Other", role=Role.STUDENT, actor="test"))
        upload = Upload("hw13", None, "suggest", {"answers": Part(b'{"2.2": "softer"}')})
        submitting.add_submission(session, course.jobs, other, upload, None)
    assert [priority for _, _, priority in jobs_of(course)] == [1, 1, 2, 3]
