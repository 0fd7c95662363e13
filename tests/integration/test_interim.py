"""A curve is shown while it is measured: to whom its result is told, and no longer than it grows."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import structlog

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.grading import cancelling
from app.grading.jobs import Claim, Grader
from app.grading.recorder import Recorder, StopReason
from app.grading.stages import LaterStage
from app.reports import service as reports
from app.submissions.change_notifier import ChangeNotifier
from app.submissions.models import State, Submission
from app.users import service as users
from app.users.models import Role
from grader.assignment import Assignment, from_files
from grader.sandbox.supervisor import Sandbox
from tests.integration.budgets import quick
from tests.integration.test_jobs import BrokenSandbox, Course, grader
from tests.integration.test_jobs import course as course
from tests.integration.test_later_stage import ON_SQLITE, examined, question

POINT = {"ratio": 0.0, "accuracy": 0.5, "low": 0.4, "high": 0.6}


@pytest.fixture(autouse=True)
def _every_step_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.grading.recorder._PROGRESS_SECONDS", 0.0)


class Reader(ChangeNotifier):
    """Reads the report at each notification, as the student's page does."""

    def __init__(self, course: Course) -> None:
        super().__init__()
        self.course = course
        self.reports: list[dict[str, Any]] = []

    def notify(self, submission_id: uuid.UUID) -> None:
        self.reports.append(self.course.report(submission_id))


@ON_SQLITE
def test_curve_grows_point_by_point_into_what_is_stored(course: Course, sandbox: Sandbox, hw13: Assignment) -> None:
    ratios = "[0.0, 0.2, 0.4, 0.6, 0.8]"
    submission = examined(course, sandbox, quick(hw13, ratios=ratios, sweep_flops="1e7", distillation_flops="1e7"))
    reader = Reader(course)
    LaterStage(Grader(course.database, reader, course.jobs, sandbox, "test-2"), submission).run()
    running = [report for report in reader.reports if report["state"] == State.RUNNING]
    growing = [report["progress"]["interim"]["3.1"] for report in running if report["progress"]["interim"]]
    ratios_seen = [[point["ratio"] for point in fields["curve"]] for fields in growing]
    assert ratios_seen == [[0.0], [0.0, 0.8], [0.0, 0.4, 0.8], [0.0, 0.2, 0.4, 0.8], [0.0, 0.2, 0.4, 0.6, 0.8]]
    assert [fields["to_come"] for fields in growing] == [4, 3, 2, 1, 0]
    assert all(fields["weights"] == "distilled" and fields["reference_curve"] for fields in growing)
    final = question(course, submission)["evidence"]["curve"]
    assert all(point in final for fields in growing for point in fields["curve"])
    assert [report["progress"]["done"] for report in running if report["progress"]["interim"]] == [1, 2, 3, 4, 5]
    for report in running[:-1]:
        (pruning,) = (found for found in report["questions"] if found["number"] == "3.1")
        assert pruning["evidence"]["curve"] == [], "what is not measured to its end is no evidence"
    assert reader.reports[-1]["state"] == State.GRADED
    assert course.runs(submission)[0].interim == {}


def begin(course: Course, submission: uuid.UUID, executor: str) -> tuple[Claim, Recorder[Submission]]:
    """A later stage as a worker begins it."""
    job = LaterStage(grader(course, BrokenSandbox(), executor), submission)
    with course.database.write() as session:
        claim = job.claim(session)
    assert claim is not None
    return claim, Recorder(job, claim.run_id, claim.try_id, structlog.get_logger())


def show(recorder: Recorder[Submission], *points: dict[str, float]) -> None:
    """Measure so many of ten points."""
    fields = {"curve": list(points), "weights": "uploaded", "to_come": 10 - len(points)}
    recorder.interim("3.1", fields)
    recorder.progress("curve", len(points), 10)


def growing(course: Course, submission: uuid.UUID) -> int:
    """How many points the report shows of a curve that grows."""
    fields = course.report(submission)["progress"]["interim"].get("3.1", {"curve": []})
    return len(fields["curve"])


def staff(course: Course) -> Viewer:
    with course.database.write() as session:
        return Viewer.of(users.create_user(session, login="ta", name="TA", role=Role.TA, actor="test"))


@ON_SQLITE
def test_curve_of_a_killed_worker_goes_and_that_of_a_stopped_one_too(
    course: Course, sandbox: Sandbox, hw13: Assignment
) -> None:
    submission = examined(course, sandbox, quick(hw13, ratios="[0.0, 0.9]", distillation_flops="1e7"))
    _, dead = begin(course, submission, "dead")
    show(dead, POINT, {**POINT, "ratio": 0.9})
    assert growing(course, submission) == 2

    # Told later from now on: the student sees nothing of it, the staff does.
    files = dict(hw13.files)
    text = files["assignment.toml"].replace('number = "3.1"', 'number = "3.1"\ntell = "when released"')
    text = text.replace("version = ", "version = 9", 1)
    with course.database.write() as session:
        assignments.publish(session, from_files({**files, "assignment.toml": text}))
    assert growing(course, submission) == 0
    with course.database.read() as session:
        seen = reports.load_report(session, staff(course), submission, "en").progress
    assert seen is not None
    assert len(seen.interim["3.1"]["curve"]) == 2
    with course.database.write() as session:
        files["assignment.toml"] = text.replace('\ntell = "when released"', "").replace("version = 9", "version = 99")
        assignments.publish(session, from_files(files))

    _, other = begin(course, submission, "other")
    assert growing(course, submission) == 0, "the next worker begins again"
    show(dead, POINT, POINT, POINT)
    assert dead.reason is StopReason.SUPERSEDED
    assert growing(course, submission) == 0
    show(other, POINT)
    assert growing(course, submission) == 1
    with course.database.write() as session:
        cancelling.cancel(session, course.student, submission)
    assert question(course, submission)["evidence"]["curve"] == []
    assert course.runs(submission)[0].interim == {}
