"""Cancelling a grading: it ends the attempt while verdicts are missing, and nothing but the curve afterwards."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.base import now
from app.grading import cancelling, recorder
from app.regrades import service as regrades
from app.regrades.models import Kind
from app.regrades.preview import Previewer
from app.regrades.remeasuring import Remeasurement
from app.regrades.schemas import RegradeWish
from app.submissions import repository
from app.submissions.models import Blob, Phase, Run, RunOutcome, State, Submission, Try
from app.users import service as users
from app.users.models import Role
from grader.assignment import Assignment
from tests.integration import test_jobs as jobs
from tests.integration.budgets import quick
from tests.integration.test_jobs import BrokenSandbox, Course, measure
from tests.integration.test_jobs import course as course
from tests.integration.test_later_stage import ON_SQLITE, PLOT, question
from tests.unit.scripted_sandbox import HONEST, MODEL, SUMMARY, Answer, ScriptedSandbox, failed_reply

ANSWERS = b'{"2.2": "softer", "3.2": "no"}'
POINTS = {"1.1": 0.5, "1.2": 0.5, "2.1": 0.0, "2.2": 0.5, "3.1": 1.0, "3.2": 1.0}


@pytest.fixture(autouse=True)
def always_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker sees at each of its steps whether it is to stop."""
    monkeypatch.setattr(recorder, "_QUERY_SECONDS", 0.0)


@pytest.fixture
def submission(course: Course, hw13: Assignment) -> uuid.UUID:
    """A hand-in that waits, with a curve to measure."""
    with course.database.write() as session:
        assignments.publish(session, quick(hw13, ratios="[0.0, 0.9]", distillation_flops="1e9"))
    return submit(course)


def submit(course: Course) -> uuid.UUID:
    return course.submit_bytes(model=MODEL.encode(), summary=SUMMARY.encode(), answers=ANSWERS, pruning_plot=PLOT)


def grade(course: Course, submission: uuid.UUID, script: Mapping[str, Answer] = {}, name: str = "test-1") -> None:
    jobs.grade(course, ScriptedSandbox(script), submission, name)


def cancel(course: Course, submission: uuid.UUID, viewer: Viewer | None = None) -> Submission:
    with course.database.write() as session:
        return cancelling.cancel(session, viewer or course.student, submission)


def cancelled_during(course: Course, submission: uuid.UUID, op: str) -> Mapping[str, Answer]:
    """A script in which somebody cancels while this request is being answered."""
    reply = HONEST.get(op, failed_reply())

    def answer() -> Any:
        cancel(course, submission)
        return reply

    return {op: answer}


def effect(course: Course, submission: uuid.UUID) -> str | None:
    found: str | None = course.report(submission)["cancel_effect"]
    return found


def is_graded_without_curve(course: Course, submission: uuid.UUID) -> None:
    """The end that every cancelling has once all verdicts are in."""
    stored = course.submission(submission)
    assert (stored.state, stored.counts, stored.fault) == (State.GRADED, True, None)
    assert stored.finished_at is not None
    report = course.report(submission)
    assert {found["number"]: found["score"] for found in report["questions"]} == POINTS
    assert (report["score"], report["progress"], report["cancel_effect"]) == (3.5, None, None)
    pruning = question(course, submission)
    assert (pruning["verdict"], pruning["evidence"]["curve"]) == ("needs_review", [])
    assert "pruning.curve_stopped" in [message["id"] for message in pruning["messages"]]
    assert RunOutcome.RUNNING not in [one.outcome for one in course.tries(submission)]
    counting = course.runs(submission)[-1]
    assert (counting.outcome, counting.finished_at is not None) == (RunOutcome.FINISHED, True)
    # A job that comes late finds nothing left to do, and nothing is undone by a second click.
    measure(course, BrokenSandbox(), submission)
    grade(course, submission)
    assert cancel(course, submission).state is State.GRADED
    assert course.submission(submission).finished_at == stored.finished_at


def test_curve_that_waits_is_stopped_and_the_attempt_counts(
    course: Course, submission: uuid.UUID, hw13: Assignment
) -> None:
    assert effect(course, submission) == "attempt_returned"
    grade(course, submission)
    assert course.submission(submission).state is State.RUNNING
    assert effect(course, submission) == "graded_without_curve"
    assert cancel(course, submission).state is State.GRADED
    is_graded_without_curve(course, submission)
    assert course.quota_used(hw13) == 1


def test_curve_that_is_measured_is_stopped_and_the_attempt_counts(course: Course, submission: uuid.UUID) -> None:
    grade(course, submission)
    sandbox = ScriptedSandbox(cancelled_during(course, submission, "network.open"))
    measure(course, sandbox, submission)
    assert "network.open" in sandbox.requests
    is_graded_without_curve(course, submission)


@ON_SQLITE
def test_curve_whose_worker_died_is_stopped(course: Course, submission: uuid.UUID) -> None:
    grade(course, submission)
    with course.database.write() as session:
        session.add(Try(run_id=course.runs(submission)[0].id, phase=Phase.LATER, executor="dead"))
    cancel(course, submission)
    is_graded_without_curve(course, submission)


@ON_SQLITE
def test_staff_stop_a_curve_too(course: Course, submission: uuid.UUID) -> None:
    grade(course, submission)
    with course.database.write() as session:
        mia = users.create_user(session, login="mia", name="Mia", role=Role.TA, actor="test")
        viewer = Viewer.of(mia)
    cancel(course, submission, viewer)
    is_graded_without_curve(course, submission)


@ON_SQLITE
@pytest.mark.parametrize("op", ["load", "model.export", "artefact.audit"])
def test_cancelled_before_the_count_is_confirmed_decides_nothing_that_rests_on_it(
    course: Course, submission: uuid.UUID, hw13: Assignment, op: str
) -> None:
    grade(course, submission, cancelled_during(course, submission, op))
    stored = course.submission(submission)
    assert (stored.state, stored.counts) == (State.CANCELLED, True)
    assert [run.outcome for run in course.runs(submission)] == [RunOutcome.CANCELLED]
    verdicts = {found["number"]: found["verdict"] for found in course.report(submission)["questions"]}
    undecided = "pending" if op == "load" else "needs_review"
    assert (verdicts["1.1"], verdicts["1.2"]) == (undecided, undecided)
    assert course.quota_used(hw13) == 1
    assert cancel(course, submission).state is State.CANCELLED


def test_cancelled_when_the_last_verdict_is_in_is_graded(course: Course, submission: uuid.UUID) -> None:
    """Only the time for an image is still being measured."""
    grade(course, submission, cancelled_during(course, submission, "network.times"))
    is_graded_without_curve(course, submission)
    assert course.waiting_jobs() == 1, "the first stage's own, which the test did itself"


@ON_SQLITE
def test_cancelled_in_the_moment_when_the_last_verdict_is_stored_is_graded(
    course: Course, submission: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "_QUERY_SECONDS", 3600.0)  # the worker does not see it before its end
    grade(course, submission, cancelled_during(course, submission, "network.times"))
    is_graded_without_curve(course, submission)
    assert course.waiting_jobs() == 1


@ON_SQLITE
def test_cancelled_in_a_second_try_keeps_the_verdicts_of_the_first(course: Course, submission: uuid.UUID) -> None:
    def die() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(course, submission, {"network.times": die})
    with course.database.write() as session:  # what a dead worker leaves behind
        assert session.get_one(Run, course.runs(submission)[0].id).outcome is RunOutcome.RUNNING
    assert effect(course, submission) == "graded_without_curve"
    grade(course, submission, cancelled_during(course, submission, "load"), "test-3")
    first, second = course.runs(submission)
    assert (first.outcome, second.outcome) == (RunOutcome.FINISHED, RunOutcome.CANCELLED)
    stored = course.submission(submission)
    assert (stored.state, stored.run_id, stored.counts) == (State.GRADED, first.id, True)
    assert course.report(submission)["score"] == 3.5


@ON_SQLITE
def test_cancel_request_that_outlives_its_worker_keeps_all_verdicts(course: Course, submission: uuid.UUID) -> None:
    def cancel_and_die() -> Any:
        cancel(course, submission)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(course, submission, {"network.times": cancel_and_die})
    assert course.submission(submission).state is State.RUNNING
    grade(course, submission, name="test-3")
    is_graded_without_curve(course, submission)


@ON_SQLITE
def test_resubmitted_content_gets_its_curve(course: Course, submission: uuid.UUID) -> None:
    grade(course, submission)
    cancel(course, submission)
    again = submit(course)
    grade(course, again)
    assert course.runs(again)[0].reused_run_id is None
    assert course.runs(again)[0].phase is Phase.LATER


@ON_SQLITE
def test_stopped_curve_is_measured_again_by_a_regrade(course: Course, submission: uuid.UUID) -> None:
    grade(course, submission)
    cancel(course, submission)
    with course.database.write() as session:
        admin = Viewer.of(users.create_user(session, login="root", name="Root", role=Role.ADMIN, actor="test"))
        wish = RegradeWish(assignment="hw13", kind=Kind.REMEASURE, questions=["3.1"])
        regrade = regrades.create(session, course.jobs, admin, wish).id
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    sandbox = ScriptedSandbox()
    Remeasurement(jobs.grader(course, sandbox, "test-4"), regrade, submission).run()
    assert "network.open" in sandbox.requests, "the later stage was begun"
    with course.database.read() as session:
        run = repository.runs(session, submission)[-1]
        assert (run.regrade_id, run.outcome) == (regrade, RunOutcome.FINISHED)
        (pruning,) = [row for row in repository.run_evidence(session, run.id) if row.question == "3.1"]
        assert not pruning.data["curve_stopped"]


def test_bytes_of_a_cancelled_submission_go_after_a_day(course: Course) -> None:
    cancelled = course.submit(model="x = 1", answers=ANSWERS.decode())
    kept = course.submit(answers=ANSWERS.decode())
    cancel(course, cancelled)
    with course.database.write() as session:
        assert repository.forget_cancelled(session, now() - timedelta(days=1)) == 0
        assert repository.forget_cancelled(session, now() + timedelta(days=1)) == 1
        assert repository.forget_cancelled(session, now() + timedelta(days=1)) == 0
    with course.database.read() as session:
        assert repository.parts(session, cancelled) == []
        (answers,) = repository.parts(session, kept)
        assert repository.blob(session, answers.blob_sha256) == ANSWERS
        assert session.scalars(select(Blob.size)).all() == [len(ANSWERS)]
    assert course.report(cancelled)["parts"] == []


def test_bytes_of_a_cancelled_submission_with_a_verdict_stay(course: Course, submission: uuid.UUID) -> None:
    grade(course, submission, cancelled_during(course, submission, "model.export"))
    assert course.submission(submission).state is State.CANCELLED
    with course.database.write() as session:
        assert repository.forget_cancelled(session, now() + timedelta(days=1)) == 0


def test_bytes_that_are_submitted_again_count_as_new(course: Course) -> None:
    cancel(course, course.submit(model="x = 1"))
    with course.database.write() as session:
        session.execute(update(Blob).values(stored_at=now() - timedelta(days=3)))
        repository.store_blobs(session, {hashlib.sha256(b"x = 1").hexdigest(): b"x = 1"})
        session.execute(update(Submission).values(finished_at=now() - timedelta(days=3)))
        assert repository.forget_cancelled(session, now() - timedelta(days=1)) == 1
        assert session.scalars(select(Blob.size)).all() == [5]
