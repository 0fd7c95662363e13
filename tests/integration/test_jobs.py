"""Jobs that survive what happens to workers: killed, cancelled, replaced, broken. On both databases."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NoReturn

import pytest
import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.db.base import now
from app.db.engine import Database
from app.grading import cancelling
from app.grading.jobs import Grader
from app.grading.recorder import Recorder, StopReason
from app.grading.stages import FirstStage, LaterStage
from app.grading.tries import DEATHS_TO_GIVE_UP
from app.queue import repository
from app.queue.dbos_engine import GRADE, GRADE_SLOW, DbosJobs
from app.queue.models import WorkerRow
from app.queue.port import BATCH
from app.reports import service as reports
from app.settings import Settings
from app.submissions import quota, submitting
from app.submissions import repository as submissions
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.models import Cause, Run, RunOutcome, State, Submission, Try
from app.submissions.submitting import Upload
from app.users import service as users
from app.users.models import Role
from app.worker.executor import ExecutorId, ExecutorIdTaken
from app.worker.heartbeat import Heartbeat
from grader.assignment import Assignment
from grader.checks.choice.evidence import ChoiceEvidence
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part
from tests.integration.service import MODEL, PATIENCE, WorkerProcess
from tests.integration.test_grading import SLEEPY

StartWorker = Callable[[Settings, str], WorkerProcess]


class Course:
    """A student and a database to hand in to, without HTTP."""

    def __init__(self, database: Database, jobs: DbosJobs, login: str = "student") -> None:
        self.database = database
        self.jobs = jobs
        with database.write() as session:
            self.student = Viewer.of(
                users.create_user(session, login=login, name="Student", role=Role.STUDENT, actor="test")
            )

    def submit(self, **parts: str) -> uuid.UUID:
        """Hand in these parts."""
        with self.database.write() as session:
            return self.submit_within(session, parts)

    def submit_bytes(self, **parts: bytes) -> uuid.UUID:
        """Hand in these parts, pictures too."""
        upload = Upload("hw13", None, "suggest", {name: Part(data) for name, data in parts.items()})
        with self.database.write() as session:
            return submitting.add_submission(session, self.jobs, self.student, upload, None)

    def submit_within(self, session: Session, parts: Mapping[str, str]) -> uuid.UUID:
        """Hand in, in a transaction of the caller's."""
        upload = Upload("hw13", None, "suggest", {name: Part(part.encode()) for name, part in parts.items()})
        return submitting.add_submission(session, self.jobs, self.student, upload, None)

    def submission(self, identifier: uuid.UUID) -> Submission:
        """The submission as it is now."""
        with self.database.read() as session:
            return session.get_one(Submission, identifier)

    def runs(self, identifier: uuid.UUID) -> list[Run]:
        """Its runs in order."""
        with self.database.read() as session:
            return list(session.scalars(select(Run).where(Run.submission_id == identifier).order_by(Run.number)))

    def tries(self, identifier: uuid.UUID) -> list[Try]:
        """The tries of its runs in order."""
        with self.database.read() as session:
            query = select(Try).join(Run, Run.id == Try.run_id).where(Run.submission_id == identifier)
            return list(session.scalars(query.order_by(Try.id)))

    def wait_for(self, identifier: uuid.UUID, state: State, seconds: float = PATIENCE) -> Submission:
        """Wait until it has this state."""
        until = time.monotonic() + seconds
        while (submission := self.submission(identifier)).state is not state:
            assert time.monotonic() < until, submission.state
            time.sleep(0.02)
        return submission

    def waiting_jobs(self) -> int:
        """How many jobs the queue holds."""
        return self.count_jobs("%", "ENQUEUED")

    def count_jobs(self, name: str, status: str) -> int:
        """How many jobs of this name, or of names like it, have this status."""
        table = "dbos.workflow_status" if self.database.engine.dialect.name == "postgresql" else "workflow_status"
        query = text(f"SELECT count(*) FROM {table} WHERE name LIKE :name AND status = :status")
        with self.database.read() as session:
            return session.scalar(query, {"name": name, "status": status}) or 0

    def wait_for_jobs(self, name: str, status: str, number: int = 1) -> None:
        """Wait until so many jobs of this name have this status."""
        until = time.monotonic() + PATIENCE
        while self.count_jobs(name, status) != number:
            assert time.monotonic() < until
            time.sleep(0.02)

    def report(self, identifier: uuid.UUID) -> dict[str, Any]:
        """The report as data."""
        with self.database.read() as session:
            return reports.load_report(session, self.student, identifier, "en").model_dump(mode="json")

    def quota_used(self, hw13: Assignment) -> int:
        """Attempts that count."""
        with self.database.read() as session:
            return quota.of(session, self.student.user_id, hw13).used


@pytest.fixture
def course(database: Database, jobs: DbosJobs) -> Course:
    return Course(database, jobs)


class BrokenSandbox(Sandbox):
    """A sandbox whose children never come up: nothing a test could bring about in the real one, every time."""

    @contextmanager
    def child(self, *_: Any, **__: Any) -> Iterator[NoReturn]:
        """Fails."""
        raise InfrastructureFault("no child can be had")
        yield


class CrashingGrader(Sandbox):
    """Not even the limits can be read: a fault of our own code."""

    @property
    def policy(self) -> NoReturn:
        raise ZeroDivisionError("a bug of ours")

    @policy.setter
    def policy(self, _: object) -> None:
        pass


def grader(
    course: Course, sandbox: Sandbox, name: str = "test-1", is_stopping: Callable[[], bool] = lambda: False
) -> Grader:
    return Grader(course.database, ChangeNotifier(), course.jobs, sandbox, name, is_stopping)


def grade(course: Course, sandbox: Sandbox, submission: uuid.UUID, name: str = "test-1") -> None:
    """Run a submission's first stage."""
    FirstStage(grader(course, sandbox, name), submission).run()


def measure(course: Course, sandbox: Sandbox, submission: uuid.UUID, name: str = "test-2") -> None:
    """Run a submission's later stage."""
    LaterStage(grader(course, sandbox, name), submission).run()


def test_a_rollback_leaves_no_job(course: Course) -> None:
    def submit_and_fail() -> NoReturn:
        with course.database.write() as session:
            course.submit_within(session, {"model": MODEL})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        submit_and_fail()
    assert course.waiting_jobs() == 0
    course.submit(model=MODEL)
    assert course.waiting_jobs() == 1


@pytest.mark.parametrize("is_slow", [pytest.param(False, marks=pytest.mark.thorough), True])
def test_killed_worker_job_runs_again_elsewhere(
    settings: Settings, course: Course, start_worker: StartWorker, is_slow: bool
) -> None:
    submission = course.submit(model=SLEEPY.format(seconds=5 if is_slow else 3), answers='{"2.2": "softer"}')
    first = start_worker(settings, "first")
    course.wait_for(submission, State.RUNNING)
    if is_slow:
        course.wait_for_jobs(GRADE_SLOW, "PENDING")
        course.wait_for_jobs(GRADE, "SUCCESS")
    first.kill()
    start_worker(settings, "second")
    course.wait_for(submission, State.GRADED)
    runs = course.runs(submission)
    assert [(run.executor, run.outcome) for run in runs] == [
        ("first", RunOutcome.FAULT),
        ("second", RunOutcome.FINISHED),
    ]
    assert [one.cause for one in course.tries(submission)] == [Cause.WORKER, None]
    assert course.report(submission)["score"] == 1.0
    assert course.submission(submission).counts


@pytest.mark.thorough
def test_killed_worker_job_runs_again_when_it_returns(
    settings: Settings, course: Course, start_worker: StartWorker
) -> None:
    submission = course.submit(model=SLEEPY.format(seconds=2))
    first = start_worker(settings, "only")
    course.wait_for(submission, State.RUNNING)
    first.kill()
    start_worker(settings, "only")
    course.wait_for(submission, State.GRADED, seconds=15)
    assert [run.outcome for run in course.runs(submission)] == [RunOutcome.FAULT, RunOutcome.FINISHED]


def test_a_stopped_worker_puts_its_job_back(settings: Settings, course: Course, start_worker: StartWorker) -> None:
    submission = course.submit(model=SLEEPY.format(seconds=8))
    first = start_worker(settings, "first")
    course.wait_for(submission, State.RUNNING)
    start = time.monotonic()
    assert first.stop() == 0
    assert time.monotonic() - start < 6
    assert course.submission(submission).state is State.QUEUED
    start_worker(settings, "second")
    course.wait_for(submission, State.RUNNING)
    assert [run.outcome for run in course.runs(submission)] == [RunOutcome.INTERRUPTED, RunOutcome.RUNNING]


def test_a_short_job_is_finished_before_its_worker_stops(
    settings: Settings, course: Course, start_worker: StartWorker
) -> None:
    worker = start_worker(settings, "only")
    submission = course.submit(model=SLEEPY.format(seconds=0.5))
    course.wait_for(submission, State.RUNNING)
    assert worker.stop() == 0
    assert course.submission(submission).state in (State.GRADED, State.QUEUED)
    with course.database.read() as session:
        assert session.get_one(WorkerRow, "only").stopped_at is not None


def test_two_workers_run_every_job_once(settings: Settings, course: Course, start_worker: StartWorker) -> None:
    submissions = [course.submit(answers=f'{{"2.2": "{number}"}}') for number in range(12)]
    start_worker(settings, "first")
    start_worker(settings, "second")
    for submission in submissions:
        course.wait_for(submission, State.GRADED)
    runs = [run for submission in submissions for run in course.runs(submission)]
    assert [run.outcome for run in runs] == [RunOutcome.FINISHED] * len(submissions)
    assert {run.number for run in runs} == {1}


def test_interactive_jobs_go_ahead_of_batch_jobs(settings: Settings, course: Course, start_worker: StartWorker) -> None:
    late = [course.submit(answers=f'{{"2.2": "{number}"}}') for number in range(4)]
    with course.database.write() as session:
        session.execute(text(_EMPTY_QUEUE[session.get_bind().dialect.name]))
        for submission in late:
            course.jobs.enqueue(session, submission, BATCH, submissions.assignment_of(session, submission))
    early = course.submit(answers='{"2.2": "first"}')
    start_worker(settings.model_copy(update={"workers": 1}), "only")
    for submission in [*late, early]:
        course.wait_for(submission, State.GRADED)
    began = {submission: course.runs(submission)[0].started_at for submission in [*late, early]}
    assert min(began, key=lambda submission: began[submission]) == early


_EMPTY_QUEUE = {"sqlite": "DELETE FROM workflow_status", "postgresql": "DELETE FROM dbos.workflow_status"}


def test_infrastructure_faults_are_tried_three_times_and_cost_no_attempt(course: Course, hw13: Assignment) -> None:
    submission = course.submit(model=MODEL, answers='{"2.2": "softer"}')
    assert course.quota_used(hw13) == 1
    grade(course, BrokenSandbox(), submission)
    assert course.submission(submission).state is State.QUEUED
    assert course.waiting_jobs() == 2
    grade(course, BrokenSandbox(), submission)
    grade(course, BrokenSandbox(), submission)
    ended = course.submission(submission)
    assert (ended.state, ended.fault) == (State.FAILED, "infrastructure")
    assert course.quota_used(hw13) == 0
    report = course.report(submission)
    verdicts = {question["number"]: (question["verdict"], question["fault"]) for question in report["questions"]}
    assert verdicts["1.1"] == ("fault", "infrastructure")
    assert report["questions"][0]["messages"][0]["id"] == "fault.infrastructure"
    assert [run.outcome for run in course.runs(submission)] == [RunOutcome.FAULT] * 3
    # A job that comes late finds nothing left to do.
    grade(course, BrokenSandbox(), submission)
    assert len(course.runs(submission)) == 3


def test_a_fault_of_the_grader_is_not_repeated_and_costs_no_attempt(course: Course, hw13: Assignment) -> None:
    submission = course.submit(model=MODEL)
    grade(course, CrashingGrader(), submission)
    ended = course.submission(submission)
    assert (ended.state, ended.fault, ended.counts) == (State.FAILED, "grader", False)
    assert course.quota_used(hw13) == 0
    (only,) = course.tries(submission)
    assert (only.cause, only.detail) == (Cause.GRADER, "ZeroDivisionError: a bug of ours")
    assert {question["verdict"] for question in course.report(submission)["questions"]} == {"fault"}


def test_a_submission_in_which_worker_after_worker_died_is_given_up(course: Course) -> None:
    submission = course.submit(model=MODEL)
    with course.database.write() as session:
        stored = session.get_one(Submission, submission)
        # A dead fork server, as a dead worker, may have been another's doing.
        deaths = [Cause.WORKER, Cause.FORK_SERVER, *[Cause.DATABASE] * (DEATHS_TO_GIVE_UP - 2)]
        for number, cause in enumerate(deaths, 1):
            run = Run(
                submission_id=submission,
                number=number,
                assignment_id=stored.assignment_id,
                grader_version="test",
                content_key="test",
                executor="dead",
                outcome=RunOutcome.FAULT,
            )
            session.add(run)
            session.flush()
            session.add(Try(run_id=run.id, phase=run.phase, executor="dead", outcome=RunOutcome.FAULT, cause=cause))
        stored.state, stored.run_id = State.RUNNING, run.id
    grade(course, BrokenSandbox(), submission)
    assert course.submission(submission).state is State.FAILED
    assert [run.outcome for run in course.runs(submission)] == [RunOutcome.FAULT] * DEATHS_TO_GIVE_UP


def test_a_submission_that_kills_itself_is_believed_the_third_time(course: Course, sandbox: Sandbox) -> None:
    source = MODEL.replace(
        "    return StudentNet()", "    import os\n    os.kill(os.getpid(), 9)\n    return StudentNet()"
    )
    submission = course.submit(model=source)
    for state in (State.QUEUED, State.QUEUED, State.GRADED):
        grade(course, sandbox, submission)
        assert course.submission(submission).state is state
    question = course.report(submission)["questions"][0]
    assert (question["score"], question["verdict"], question["evidence"]["outcome"]) == (0, "none", "died")
    assert course.submission(submission).counts


def test_a_cancelled_job_does_not_begin(course: Course) -> None:
    submission = course.submit(model=MODEL)
    with course.database.write() as session:
        cancelling.cancel(session, course.student, submission)
    grade(course, BrokenSandbox(), submission)
    assert course.submission(submission).state is State.CANCELLED
    assert course.runs(submission) == []


def test_a_run_that_was_replaced_writes_nothing(course: Course) -> None:
    submission = course.submit(answers='{"2.2": "softer"}')
    former, latter = (recorder(course, submission) for _ in range(2))
    assert former.cancelled()
    assert former.reason is StopReason.SUPERSEDED
    assert not latter.cancelled()
    former = Recorder(former.job, former.run_id, former.try_id, former.log)
    former.question("2.2", ChoiceEvidence(answer="harder"))
    former.progress("model", 1, 2)
    former.picture(b"picture")
    former.commit()
    with former.held() as held:
        assert held is None
    runs = course.runs(submission)
    assert [run.outcome for run in runs] == [RunOutcome.FAULT, RunOutcome.RUNNING]
    assert [run.picture_sha256 for run in runs] == [None, None]
    assert {question["verdict"] for question in course.report(submission)["questions"]} == {"pending"}
    latter.question("2.2", ChoiceEvidence(answer="softer"))
    latter.commit()
    assert course.report(submission)["score"] == 0.5


def recorder(course: Course, submission: uuid.UUID) -> Recorder[Submission]:
    """The recorder of a try that has just begun."""
    job = FirstStage(grader(course, BrokenSandbox()), submission)
    with course.database.write() as session:
        claim = job.claim(session)
    assert claim is not None
    return Recorder(job, claim.run_id, claim.try_id, structlog.get_logger())


def test_the_silent_are_claimed_by_one_worker_only(settings: Settings, course: Course) -> None:
    impatient = settings.model_copy(update={"silent_seconds": 0.4})
    first, second, gone = (Heartbeat(impatient, course.database, course.jobs, name) for name in ("1", "2", "gone"))
    for heartbeat in (first, second, gone):
        heartbeat.start({})
        heartbeat._stopped.set()
        heartbeat._thread.join()

    def reaped(executor: str) -> datetime | None:
        with course.database.read() as session:
            return session.get_one(WorkerRow, executor).reaped_at

    first.beat()
    second.beat()
    assert reaped("gone") is None, "nobody has listened for long enough"
    # A clock that was set forward on one machine, or back, makes nobody silent.
    with course.database.write() as session:
        session.get_one(WorkerRow, "2").beat_at = now() - timedelta(hours=1)
    first.beat()
    assert reaped("2") is None
    until = time.monotonic() + 120
    while reaped("gone") is None:
        assert time.monotonic() < until
        second.beat()
        first.beat()
        time.sleep(0.05)
    assert (reaped("1"), reaped("2")) == (None, None)


def test_the_dead_are_claimed_by_one_worker_only(settings: Settings, course: Course) -> None:
    gone = Heartbeat(settings, course.database, course.jobs, "gone")
    gone.start({})
    gone.stop()
    with course.database.read() as session:
        seen = session.get_one(WorkerRow, "gone")
    with course.database.write() as session:
        assert repository.claim(session, seen)
    with course.database.write() as session:
        assert not repository.claim(session, seen)


def test_who_could_not_look_judges_nobody_at_once(settings: Settings, course: Course) -> None:
    impatient = settings.model_copy(update={"silent_seconds": 0.4})
    watcher, other = (Heartbeat(impatient, course.database, course.jobs, name) for name in ("watcher", "other"))
    for heartbeat in (watcher, other):
        heartbeat.start({})
        heartbeat._stopped.set()
        heartbeat._thread.join()
    watcher.beat()
    time.sleep(0.5)
    watcher.beat()
    with course.database.read() as session:
        assert session.get_one(WorkerRow, "other").reaped_at is None


def test_executor_ids_are_unique_on_a_host_and_return(settings: Settings) -> None:
    first, second = ExecutorId(settings), ExecutorId(settings)
    assert first.name != second.name
    first.release()
    again = ExecutorId(settings)
    assert again.name == first.name
    named = settings.model_copy(update={"executor_id": "mine"})
    mine = ExecutorId(named)
    with pytest.raises(ExecutorIdTaken, match="mine"):
        ExecutorId(named)
    for executor in (second, again, mine):
        executor.release()


def test_an_executor_id_in_use_on_another_host_is_refused(settings: Settings, course: Course) -> None:
    with course.database.write() as session:
        session.add(
            WorkerRow(executor="mine", boot="x", host="elsewhere", pid=1, slots=1, grader_version="test", sandbox={})
        )
    heartbeat = Heartbeat(settings, course.database, course.jobs, "mine")
    with pytest.raises(ExecutorIdTaken, match="elsewhere"):
        heartbeat.start({})
    with course.database.write() as session:
        session.get_one(WorkerRow, "mine").stopped_at = now()
    heartbeat.start({})
    heartbeat.stop()


def test_after_the_quota_was_lowered_the_next_attempt_is_free_when_enough_are_old(
    course: Course, hw13: Assignment
) -> None:
    ages = [timedelta(hours=hours) for hours in (20, 15, 10, 5, 30)]
    ids = [course.submit(summary=f"Total params: {number}") for number in range(len(ages))]
    moment = now()
    with course.database.write() as session:
        for identifier, age in zip(ids, ages, strict=True):
            session.get_one(Submission, identifier).submitted_at = moment - age
    for per_day, next_in in ((5, None), (4, 4), (3, 9), (1, 19)):
        lowered = hw13.model_copy(update={"schedule": hw13.schedule.model_copy(update={"attempts_per_day": per_day})})
        with course.database.read() as session:
            found = quota.of(session, course.student.user_id, lowered)
        assert (found.used, found.left) == (4, per_day - 4 if per_day > 4 else 0)
        assert found.next_at == (None if next_in is None else moment + timedelta(hours=next_in))
