"""Deadlines through the service: who may still hand in, what it costs, and what an extension changes."""

from __future__ import annotations

import io
import uuid
import zipfile
from datetime import datetime, timedelta

import pytest
import structlog

from app.assignments import service as assignments
from app.audit import repository as audit
from app.auth.viewer import Viewer
from app.db.base import now
from app.db.engine import Database
from app.exports import feedback
from app.grading.recorder import Recorder
from app.grading.stages import FirstStage
from app.queue.dbos_engine import DbosJobs
from app.regrades import service as regrades
from app.regrades.models import LATE, Kind
from app.regrades.preview import Previewer
from app.regrades.schemas import RegradeWish
from app.scores import service as scores
from app.scores.class_cache import ClassCache
from app.scores.table import StudentRow
from app.submissions.extensions import service as extensions
from app.submissions.submitting import AssignmentClosed
from app.users import service as users
from app.users.models import Role
from grader.assignment import bundled, from_files
from grader.checks.choice.evidence import ChoiceEvidence
from grader.pipeline import Grading
from tests.integration.test_jobs import BrokenSandbox, Course, grader


class Deadlined(Course):
    """A course with a deadline, and the staff that may look past it."""

    def __init__(self, database: Database, jobs: DbosJobs) -> None:
        super().__init__(database, jobs)
        self.version = 1
        self.records = ClassCache()
        with database.write() as session:
            self.admin = Viewer.of(users.create_user(session, login="boss", name="Boss", role=Role.ADMIN, actor="test"))

    def schedule(self, deadline: datetime, late: str = "") -> None:
        """Publish the worked assignment's next version with this deadline."""
        self.version += 1
        files = dict(bundled("hw13").files)
        text = files["assignment.toml"].replace("version = 1\n", f"version = {self.version}\n")
        lines = f"[schedule]\ndeadline = {deadline.isoformat()}\ngrace_minutes = 5"
        text = text.replace("[schedule]", lines).replace("[sandbox]", f"{late}\n[sandbox]")
        text = text.replace('check = "choice"', 'check = "choice"\ntell = "at once"')
        with self.database.write() as session:
            assignments.publish_version(session, from_files(files | {"assignment.toml": text}), "test")

    def graded(self) -> uuid.UUID:
        """A hand-in with half a point in 2.2 and one in 3.2."""
        submission = self.submit(answers='{"2.2": "softer", "3.2": "no"}')
        job = FirstStage(grader(self, BrokenSandbox()), submission)
        with self.database.write() as session:
            claim = job.claim(session)
        assert claim is not None
        recorder = Recorder(job, claim.run_id, claim.try_id, structlog.get_logger())
        for question in claim.assignment.questions:
            if question.check == "choice":
                recorder.question(question.number, ChoiceEvidence(answer=str(question.options["key"])))
        with recorder.held() as held:
            assert held is not None
            job.finish(held, Grading())
        return submission

    def row(self) -> StudentRow:
        """The student's row of the class table."""
        with self.database.read() as session:
            return next(row for row in scores.class_table(session, "hw13").rows if row.student == "student")

    def dashboard_score(self) -> float | None:
        """The student's points as the dashboard, which remembers what it read, shows them."""
        with self.database.read() as session:
            standings = self.records.snapshot(session, "hw13").standings
        counting = next(standing.counting for standing in standings if standing.login == "student")
        return counting.score if counting else None


TEN_A_DAY = "[schedule.late]\npercent_per_day = 10\nmost_days = 3\n"


@pytest.fixture
def course(database: Database, jobs: DbosJobs) -> Deadlined:
    return Deadlined(database, jobs)


def test_after_the_grace_only_staff_and_the_extended_submission(course: Deadlined) -> None:
    course.schedule(now() - timedelta(minutes=4))
    course.submit(answers='{"2.2": "softer"}')
    course.schedule(now() - timedelta(minutes=6))
    with pytest.raises(AssignmentClosed, match="closed at"):
        course.submit(answers='{"2.2": "softer"}')
    with course.database.write() as session:
        extensions.grant(session, course.admin, "hw13", "student", now() + timedelta(days=1), "ill")
    course.submit(answers='{"2.2": "softer"}')
    with course.database.write() as session:
        extensions.remove(session, course.admin, "hw13", "student")
    with pytest.raises(AssignmentClosed):
        course.submit(answers='{"2.2": "softer"}')
    with course.database.read() as session:
        entries = audit.latest(session, limit=2)
        assert [entry.action for entry in entries] == ["extension.remove", "extension.set"]
        assert entries[1].detail["reason"] == "ill"


def test_a_late_submission_loses_its_percent_everywhere_and_an_extension_gives_it_back(course: Deadlined) -> None:
    course.schedule(now() - timedelta(hours=30), TEN_A_DAY)
    submission = course.graded()
    report = course.report(submission)
    assert (report["score"], report["late"]["days"], report["late"]["percent"]) == (1.2, 2, 20)
    assert (report["late"]["earned"], sum(question["score"] for question in report["questions"])) == (1.5, 1.5)
    assert "20%" in report["late"]["text"]
    assert (course.row().score, course.row().late, course.row().late_days) == (1.2, True, 2)
    assert course.dashboard_score() == 1.2
    with zipfile.ZipFile(io.BytesIO(feedback.archive(course.database, "hw13", "en"))) as pages:
        assert report["late"]["text"] in pages.read("student.html").decode()
    with course.database.write() as session:
        extensions.grant(session, course.admin, "hw13", "student", now() - timedelta(hours=1), "ill")
    assert course.report(submission)["late"]["days"] == 1
    assert course.dashboard_score() == 1.35
    with course.database.write() as session:
        extensions.grant(session, course.admin, "hw13", "student", now() + timedelta(hours=1), "worse")
    assert course.report(submission)["late"] is None
    assert (course.report(submission)["score"], course.row().score, course.dashboard_score()) == (1.5, 1.5, 1.5)


def test_the_best_attempt_is_the_best_after_what_lateness_took(course: Deadlined) -> None:
    course.schedule(now() + timedelta(hours=1))
    in_time = course.graded()
    course.schedule(now() - timedelta(hours=30), TEN_A_DAY)
    course.graded()
    row = course.row()
    assert (row.submission, row.score, row.late) == (in_time, 1.5, False)


def test_a_new_deadline_moves_points_only_through_a_regrade(course: Deadlined) -> None:
    course.schedule(now() - timedelta(hours=30), TEN_A_DAY)
    submission = course.graded()
    course.schedule(now() + timedelta(days=1), TEN_A_DAY)
    assert course.report(submission)["score"] == 1.2
    with course.database.write() as session:
        wish = RegradeWish(assignment="hw13", kind=Kind.RESCORE)
        regrade = regrades.create(session, course.jobs, course.admin, wish).id
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    with course.database.read() as session:
        changes = regrades.changes(session, regrade)
    assert [(change.question, change.submission) for change in changes] == [(LATE, submission)]
    assert (changes[0].old, changes[0].new) == (20, 0)
    assert "0% instead of 20%" in changes[0].reason
    assert (course.report(submission)["score"], course.report(submission)["notes"]) == (1.2, [])
    with course.database.write() as session:
        regrades.publish(session, course.admin, regrade)
    assert (course.report(submission)["score"], course.dashboard_score()) == (1.5, 1.5)
    assert [note["id"] for note in course.report(submission)["notes"]] == ["late.regraded"]
    assert "20% became 0%" in course.report(submission)["notes"][0]["text"]
    with course.database.write() as session:
        regrades.revert(session, course.admin, regrade)
    assert (course.report(submission)["score"], course.dashboard_score()) == (1.2, 1.2)
    assert course.report(submission)["notes"] == []
