"""The later stage of a grading is a job of its own: behind every verdict, resumed alone, and never worth a point."""

from __future__ import annotations

import io
import os
import signal
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image, ImageDraw
from sqlalchemy import text

from app.assignments import service as assignments
from app.db.base import now
from app.db.outage import DatabaseAway
from app.grading import cancelling
from app.grading.stages import FirstStage, LaterStage
from app.grading.tries import DEATHS_TO_GIVE_UP, FAULTS_TO_GIVE_UP
from app.queue.models import WorkerRow
from app.regrades.models import Kind, Regrade
from app.settings import Settings
from app.submissions import repository
from app.submissions.models import Cause, Phase, RunOutcome, State, Submission, Try
from grader import later_stage
from grader.assignment import Assignment
from grader.sandbox.supervisor import Sandbox
from grader.version import GRADER_VERSION
from tests.chaos.cluster import children
from tests.integration.budgets import quick
from tests.integration.service import MODEL, WorkerProcess
from tests.integration.test_jobs import BrokenSandbox, Course, grade, grader, measure
from tests.integration.test_jobs import course as course


def plot() -> bytes:
    picture = Image.new("RGB", (200, 150), "white")
    ImageDraw.Draw(picture).line([(20, 20), (120, 60), (190, 140)], fill="navy", width=3)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


PLOT = plot()
ON_SQLITE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
"""Where the database makes no difference that the other tests would not show."""


def examined(course: Course, sandbox: Sandbox, assignment: Assignment, model: str = MODEL) -> uuid.UUID:
    """A hand-in whose first part is done."""
    with course.database.write() as session:
        assignments.publish(session, assignment)
    submission = course.submit_bytes(model=model.encode(), pruning_plot=PLOT)
    grade(course, sandbox, submission)
    return submission


def later(course: Course, submission: uuid.UUID) -> list[Try]:
    """The tries of the later stage, in order."""
    return [one for one in course.tries(submission) if one.phase is Phase.LATER]


def waits_for_later_stage(course: Course, submission: uuid.UUID) -> bool:
    """Whether the only run is past its first stage, and no worker is at it."""
    (run,) = course.runs(submission)
    is_tried = any(one.outcome is RunOutcome.RUNNING for one in course.tries(submission))
    return (run.phase, run.outcome) == (Phase.LATER, RunOutcome.RUNNING) and not is_tried


def raising(error: Exception) -> Callable[..., Any]:
    """Stands where something of ours fails."""

    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def question(course: Course, submission: uuid.UUID, number: str = "3.1") -> dict[str, Any]:
    return next(found for found in course.report(submission)["questions"] if found["number"] == number)


@pytest.fixture(scope="module")
def small(hw13: Assignment) -> Assignment:
    """A training of a few steps, and a curve of two points."""
    return quick(hw13, ratios="[0.0, 0.9]", sweep_flops="1e7", distillation_flops="1e7")


def test_verdicts_come_first_and_the_curve_later(course: Course, sandbox: Sandbox, small: Assignment) -> None:
    submission = examined(course, sandbox, small)
    assert course.submission(submission).state is State.RUNNING
    before = course.report(submission)
    assert "pending" not in {found["verdict"] for found in before["questions"]}
    assert before["progress"]["stage"] == "measuring"
    assert question(course, submission)["evidence"]["curve"] == []
    assert course.waiting_jobs() == 2  # the first part, which the test did itself, and the second
    measure(course, sandbox, submission)
    assert course.submission(submission).state is State.GRADED
    after = course.report(submission)
    assert [found["score"] for found in after["questions"]] == [found["score"] for found in before["questions"]]
    evidence = question(course, submission)["evidence"]
    assert (evidence["weights"], [point["ratio"] for point in evidence["curve"]]) == ("distilled", [0.0, 0.9])
    assert {"model", "distillation", "curve", "total"} <= after["timings"].keys()
    assert [(one.phase, one.outcome, one.executor) for one in course.tries(submission)] == [
        (Phase.FIRST, RunOutcome.FINISHED, "test-1"),
        (Phase.LATER, RunOutcome.FINISHED, "test-2"),
    ]
    # A job that comes late finds nothing left to do.
    measure(course, BrokenSandbox(), submission)
    assert [run.outcome for run in course.runs(submission)] == [RunOutcome.FINISHED]


@ON_SQLITE
def test_nothing_slow_to_do_is_graded_at_once(course: Course, sandbox: Sandbox, hw13: Assignment) -> None:
    submission = examined(course, sandbox, quick(hw13))
    assert course.submission(submission).state is State.GRADED
    assert course.waiting_jobs() == 1


def test_killed_worker_later_stage_goes_on_elsewhere(
    settings: Settings,
    course: Course,
    sandbox: Sandbox,
    hw13: Assignment,
    start_worker: Callable[[Settings, str], WorkerProcess],
) -> None:
    submission = examined(course, sandbox, quick(hw13, ratios="[0.0, 0.9]", distillation_flops="2e9"))
    first = start_worker(settings, "first")
    wait_for_later_try(course, submission)
    first.kill()
    start_worker(settings, "second")
    course.wait_for(submission, State.GRADED, seconds=60)
    assert [run.outcome for run in course.runs(submission)] == [RunOutcome.FINISHED]
    assert [(one.executor, one.outcome, one.cause) for one in later(course, submission)] == [
        ("first", RunOutcome.FAULT, Cause.WORKER),
        ("second", RunOutcome.FINISHED, None),
    ]
    assert question(course, submission)["evidence"]["curve"]
    assert course.submission(submission).counts


@pytest.mark.thorough
def test_nobody_waits_for_the_end_of_later_stages(
    settings: Settings,
    course: Course,
    sandbox: Sandbox,
    hw13: Assignment,
    start_worker: Callable[[Settings, str], WorkerProcess],
) -> None:
    long = quick(hw13, ratios="[0.0, 0.9]", distillation_flops="1e13")
    slow = [examined(course, sandbox, long, MODEL.replace("8", width)) for width in ("9", "10")]
    start_worker(settings.model_copy(update={"workers": 1}), "only")
    wait_for_later_try(course, slow[0])
    for answer in ("softer", "harder"):
        quick_one = course.submit(model=MODEL, answers=f'{{"2.2": "{answer}"}}')
        course.wait_for(quick_one, State.GRADED)
    # The other long one has no place beside the first.
    assert [waits_for_later_stage(course, one) for one in slow] == [False, True]
    for one in reversed(slow):
        cancel(course, one)
        course.wait_for(one, State.GRADED)


def wait_for_later_try(course: Course, submission: uuid.UUID) -> None:
    """Wait until a worker is at the later stage."""
    until = time.monotonic() + 60
    while not later(course, submission):
        assert time.monotonic() < until
        time.sleep(0.02)


@ON_SQLITE
def test_first_part_that_is_delivered_again_begins_no_second_run(
    course: Course, sandbox: Sandbox, small: Assignment
) -> None:
    submission = examined(course, sandbox, small)
    grade(course, BrokenSandbox(), submission, "test-3")
    assert waits_for_later_stage(course, submission)


@ON_SQLITE
def test_later_stage_lost_to_our_faults_costs_neither_points_nor_the_attempt(
    course: Course, sandbox: Sandbox, hw13: Assignment, small: Assignment
) -> None:
    submission = examined(course, sandbox, small)
    score = course.report(submission)["score"]
    assert score > 0
    measure(course, BrokenSandbox(), submission)
    assert waits_for_later_stage(course, submission)
    assert course.waiting_jobs() == 3
    measure(course, BrokenSandbox(), submission)
    assert course.submission(submission).state is State.RUNNING
    measure(course, BrokenSandbox(), submission)
    ended = course.submission(submission)
    assert (ended.state, ended.fault, ended.counts) == (State.GRADED, None, False)
    assert course.quota_used(hw13) == 0
    assert course.report(submission)["score"] == score
    found = question(course, submission)
    assert (found["evidence"]["curve_fault"], found["fault"]) == ("infrastructure", None)
    assert "weights.not_measured" in {message["id"] for message in found["messages"]}
    # What was lost is no result that another hand-in of the same content could take over.
    again = course.submit_bytes(model=MODEL.encode(), pruning_plot=PLOT)
    grade(course, sandbox, again)
    assert course.runs(again)[0].reused_run_id is None


@ON_SQLITE
def test_worker_that_dies_of_the_later_stage_again_and_again_gets_it_no_more(
    course: Course, sandbox: Sandbox, small: Assignment
) -> None:
    submission = examined(course, sandbox, small)
    with course.database.write() as session:
        common = {"run_id": course.runs(submission)[0].id, "phase": Phase.LATER, "executor": "dead"}
        session.add_all(
            Try(**common, outcome=RunOutcome.FAULT, cause=Cause.WORKER) for _ in range(DEATHS_TO_GIVE_UP - 1)
        )
        session.add(Try(**common))
    measure(course, BrokenSandbox(), submission)
    assert course.submission(submission).state is State.GRADED
    assert question(course, submission)["evidence"]["curve_fault"] == "infrastructure"


@ON_SQLITE
def test_a_child_that_was_killed_in_the_later_stage_gets_another_try(
    course: Course, sandbox: Sandbox, hw13: Assignment
) -> None:
    submission = examined(course, sandbox, quick(hw13, ratios="[0.0]", distillation_flops="4e9"))
    with ThreadPoolExecutor(1) as pool:
        trying = pool.submit(measure, course, sandbox, submission)
        until = time.monotonic() + 60
        while not (course.runs(submission)[0].stage == "distillation" and course.runs(submission)[0].stage_done):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert sandbox.server_pid is not None
        for child in children(sandbox.server_pid):
            os.kill(child, signal.SIGKILL)
        trying.result(60)
    assert waits_for_later_stage(course, submission)
    assert [one.cause for one in later(course, submission)] == [Cause.CHILD]
    assert course.waiting_jobs() == 3
    assert question(course, submission)["evidence"]["curve_outcome"] == "ok", "nothing of it was kept"
    measure(course, sandbox, submission)
    assert course.submission(submission).state is State.GRADED
    assert question(course, submission)["evidence"]["curve"]
    assert course.submission(submission).counts


@ON_SQLITE
def test_a_model_that_kills_itself_in_training_is_believed_the_third_time(
    course: Course, sandbox: Sandbox, small: Assignment
) -> None:
    suicide = "        if self.training and len(x) > 4:\n            import os; os.kill(os.getpid(), 9)\n"
    deadly = MODEL.replace("        return self.head", f"{suicide}        return self.head")
    submission = examined(course, sandbox, small, deadly)
    score = course.report(submission)["score"]
    for state in (State.RUNNING, State.RUNNING, State.GRADED):
        measure(course, sandbox, submission)
        assert course.submission(submission).state is state
    found = question(course, submission)
    assert (found["evidence"]["curve"], found["evidence"]["curve_outcome"]) == ([], "died")
    assert "weights.not_trained" in {message["id"] for message in found["messages"]}
    assert course.report(submission)["score"] == score
    assert course.submission(submission).counts


@ON_SQLITE
def test_a_database_that_was_away_is_no_failure_of_the_later_stage(
    course: Course, small: Assignment, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = examined(course, sandbox, small)
    with monkeypatch.context() as patched:
        patched.setattr(later_stage, "run", raising(DatabaseAway("no connection")))
        for _ in range(FAULTS_TO_GIVE_UP + 1):
            measure(course, sandbox, submission)
            assert waits_for_later_stage(course, submission)
    measure(course, sandbox, submission)
    assert question(course, submission)["evidence"]["curve"]


@ON_SQLITE
def test_fault_of_the_grader_in_the_later_stage_is_not_repeated(
    course: Course, sandbox: Sandbox, small: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = examined(course, sandbox, small)
    monkeypatch.setattr(later_stage, "run", raising(ZeroDivisionError("a bug of ours")))
    measure(course, sandbox, submission)
    assert course.submission(submission).state is State.GRADED
    assert question(course, submission)["evidence"]["curve_fault"] == "grader"
    (only,) = later(course, submission)
    assert (only.cause, only.detail) == (Cause.GRADER, "ZeroDivisionError: a bug of ours")


@ON_SQLITE
def test_training_that_is_stopped_leaves_a_graded_attempt_without_a_curve(
    course: Course, sandbox: Sandbox, hw13: Assignment
) -> None:
    submission = examined(course, sandbox, quick(hw13, ratios="[0.0]", distillation_flops="1e13"))
    score = course.report(submission)["score"]
    with ThreadPoolExecutor(1) as pool:
        trying = pool.submit(measure, course, sandbox, submission)
        until = time.monotonic() + 60
        while not (course.runs(submission)[0].stage == "distillation" and course.runs(submission)[0].stage_done):
            assert time.monotonic() < until
            time.sleep(0.02)
        cancel(course, submission)
        assert course.submission(submission).state is State.GRADED, "at once, whatever the worker is at"
        trying.result(60)
    (run,) = course.runs(submission)
    assert run.outcome is RunOutcome.FINISHED
    assert {"model", "total"} <= run.timings.keys()
    assert run.sandbox["floor"] == "met"
    assert course.report(submission)["score"] == score
    found = question(course, submission)
    assert (found["evidence"]["curve"], found["evidence"]["curve_stopped"]) == ([], True)
    assert course.submission(submission).counts


def cancel(course: Course, submission: uuid.UUID) -> None:
    with course.database.write() as session:
        cancelling.cancel(session, course.student, submission)


@ON_SQLITE
@pytest.mark.parametrize(("stage", "first_tries"), [(FirstStage, 0), (LaterStage, 1)])
def test_stage_that_is_delivered_twice_runs_once(
    course: Course, sandbox: Sandbox, small: Assignment, stage: type[FirstStage | LaterStage], first_tries: int
) -> None:
    if stage is LaterStage:
        submission = examined(course, sandbox, small)
    else:
        submission = course.submit_bytes(model=MODEL.encode(), pruning_plot=PLOT)
    with course.database.write() as session:
        session.add(
            WorkerRow(executor="alive", boot="x", host="here", pid=1, slots=1, grader_version="test", sandbox={})
        )
    with course.database.write() as session:
        assert stage(grader(course, sandbox, "alive"), submission).claim(session) is not None
    stage(grader(course, BrokenSandbox(), "other"), submission).run()
    tries = course.tries(submission)[first_tries:]
    assert [(one.executor, one.outcome) for one in tries] == [("alive", RunOutcome.RUNNING)]
    with course.database.write() as session:
        session.get_one(WorkerRow, "alive").reaped_at = now()
    stage(grader(course, sandbox, "other"), submission).run()
    tries = course.tries(submission)[first_tries:]
    assert [(one.executor, one.outcome) for one in tries] == [
        ("alive", RunOutcome.FAULT),
        ("other", RunOutcome.FINISHED),
    ]


@ON_SQLITE
def test_job_that_comes_twice_to_one_worker_waits_for_itself(
    course: Course, sandbox: Sandbox, small: Assignment
) -> None:
    submission = course.submit_bytes(model=MODEL.encode())
    shared = grader(course, sandbox)
    with ThreadPoolExecutor(2) as pool:
        for delivery in [pool.submit(FirstStage(shared, submission).run) for _ in range(2)]:
            delivery.result(60)
    assert [one.outcome for one in course.tries(submission)] == [RunOutcome.FINISHED]


@ON_SQLITE
def test_stopping_worker_puts_the_later_stage_back(course: Course, sandbox: Sandbox, small: Assignment) -> None:
    submission = examined(course, sandbox, small)
    LaterStage(grader(course, sandbox, "test-2", lambda: True), submission).run()
    assert waits_for_later_stage(course, submission)
    assert [one.outcome for one in later(course, submission)] == [RunOutcome.INTERRUPTED]
    assert course.waiting_jobs() == 3
    measure(course, sandbox, submission)
    assert course.submission(submission).state is State.GRADED


@ON_SQLITE
def test_worker_that_lost_the_later_stage_writes_nothing(
    course: Course, sandbox: Sandbox, small: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    submission = examined(course, sandbox, small)
    real = later_stage.run

    def taken_over(*given: Any) -> None:
        with course.database.write() as session:
            assert LaterStage(grader(course, BrokenSandbox(), "another"), submission).claim(session) is not None
        real(*given)

    monkeypatch.setattr(later_stage, "run", taken_over)
    measure(course, sandbox, submission)
    assert [(one.executor, one.outcome) for one in later(course, submission)] == [
        ("test-2", RunOutcome.FAULT),
        ("another", RunOutcome.RUNNING),
    ]
    with course.database.read() as session:
        rows = repository.run_evidence(session, course.runs(submission)[0].id)
    assert [row.data["curve"] for row in rows if row.question == "3.1"] == [[]]


@ON_SQLITE
def test_same_content_is_measured_once_even_when_both_waited(
    course: Course, sandbox: Sandbox, small: Assignment
) -> None:
    first, second = (examined(course, sandbox, small) for _ in range(2))
    measure(course, sandbox, first)
    measure(course, BrokenSandbox(), second)
    assert course.submission(second).state is State.GRADED
    assert question(course, second)["evidence"]["curve"] == question(course, first)["evidence"]["curve"] != []


def test_first_parts_go_ahead_of_later_stages_and_those_ahead_of_regrades(
    course: Course, sandbox: Sandbox, small: Assignment
) -> None:
    submission = examined(course, sandbox, small)
    with course.database.write() as session:
        assignment = session.get_one(Submission, submission).assignment_id
        regrade = Regrade(
            slug=small.slug,
            target_id=assignment,
            kind=Kind.REMEASURE,
            condition={},
            questions=[],
            grader_version=GRADER_VERSION,
            total=1,
            created_by_id=course.student.user_id,
        )
        session.add(regrade)
        session.flush()
        course.jobs.enqueue_remeasure(session, regrade.id, submission, assignments.definition(regrade.target))
    course.submit(answers='{"2.2": "softer"}')
    table = "dbos.workflow_status" if course.database.engine.dialect.name == "postgresql" else "workflow_status"
    with course.database.read() as session:
        rows = session.execute(
            text(f"SELECT name FROM {table} WHERE status = 'ENQUEUED' ORDER BY priority, created_at")
        )
        assert [name for (name,) in rows] == ["grade", "grade", "measure", "remeasure"]
