"""Regrades through crashes: killed workers, interrupted previews, sandboxes that never come up."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest
import safetensors.torch
import torch
from sqlalchemy import select, text

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db.engine import Database
from app.queue.dbos_engine import DbosJobs
from app.regrades import preview, repository, service
from app.regrades.models import EntryState, Kind, RegradeChange, RegradeEntry, RegradeState
from app.regrades.preview import Previewer
from app.regrades.remeasuring import Remeasurement
from app.regrades.schemas import RegradeView, RegradeWish
from app.regrades.selection import Condition
from app.settings import Settings
from app.submissions import repository as submissions
from app.submissions.models import Run, RunOutcome, State, Submission
from app.users import service as users
from app.users.models import Role
from grader import data
from grader.assignment import Assignment, bundled, from_files
from grader.data import dataset
from grader.sandbox.replies import InfrastructureFault
from grader.sandbox.supervisor import Sandbox
from tests.integration.budgets import on_food11, quick
from tests.integration.pictures import import_colours
from tests.integration.postgresql import Server
from tests.integration.service import MODEL, WorkerProcess
from tests.integration.test_grading import SLEEPY
from tests.integration.test_jobs import Course, grade, grader, measure
from tests.integration.test_later_stage import ON_SQLITE, PLOT

StartWorker = Callable[[Settings, str], WorkerProcess]


class RegradedCourse(Course):
    """A course whose admin regrades, without HTTP."""

    def __init__(self, database: Database, jobs: DbosJobs) -> None:
        super().__init__(database, jobs)
        with database.write() as session:
            self.admin = Viewer.of(users.create_user(session, login="boss", name="Boss", role=Role.ADMIN, actor="test"))

    def publish(self, *, measured_otherwise: bool = True, prelude: str = "", version: int = 2, **replaced: str) -> None:
        """Publish a next version of the worked assignment with these keys replaced, and with more in the prelude."""
        files = dict(bundled("hw13").files)
        changed = files["assignment.toml"].replace("version = 1\n", f"version = {version}\n")
        if measured_otherwise:
            changed = changed.replace("[questions.options]\n", "[questions.options]\nedition = 2\n")
        files["prelude.py"] += prelude
        for old, new in replaced.items():
            changed = changed.replace(f'key = "{old}"', f'key = "{new}"')
        with self.database.write() as session:
            assignments.publish_version(session, from_files(files | {"assignment.toml": changed}), "test")

    def regrade(self, kind: Kind, **condition: Any) -> uuid.UUID:
        """Begin a regrade."""
        wish = RegradeWish(assignment="hw13", kind=kind, where=Condition(**condition))
        with self.database.write() as session:
            return service.create(session, self.jobs, self.admin, wish).id

    def view(self, regrade: uuid.UUID) -> RegradeView:
        """A regrade as its admin sees it."""
        with self.database.read() as session:
            return service.view(session, service.find(session, regrade))

    def entries(self, regrade: uuid.UUID) -> dict[uuid.UUID, EntryState]:
        """Where its submissions stand."""
        with self.database.read() as session:
            query = select(RegradeEntry).where(RegradeEntry.regrade_id == regrade)
            return {entry.submission_id: entry.state for entry in session.scalars(query)}

    def wait_for_preview(self, regrade: uuid.UUID, seconds: float = 120) -> RegradeView:
        """Wait until it is previewed."""
        until = time.monotonic() + seconds
        while (seen := self.view(regrade)).state is not RegradeState.PREVIEW:
            assert seen.state is RegradeState.RUNNING, seen
            assert time.monotonic() < until, seen
            time.sleep(0.05)
        return seen

    def measured(self, regrade: uuid.UUID) -> list[Run]:
        """The runs of a regrade in the order of their beginning."""
        with self.database.read() as session:
            return list(session.scalars(select(Run).where(Run.regrade_id == regrade).order_by(Run.id)))

    def empty_queue(self) -> None:
        """Throw the waiting jobs away: a test runs them itself."""
        table = "dbos.workflow_status" if self.database.engine.dialect.name == "postgresql" else "workflow_status"
        with self.database.write() as session:
            session.execute(text(f"DELETE FROM {table} WHERE status = 'ENQUEUED'"))


@pytest.fixture
def course(database: Database, jobs: DbosJobs) -> RegradedCourse:
    return RegradedCourse(database, jobs)


def graded(course: RegradedCourse, sandbox: Sandbox, *parts: dict[str, str]) -> list[uuid.UUID]:
    """Submissions of these parts, graded, with no job left."""
    submissions = [course.submit(**each) for each in parts]
    for submission in submissions:
        grade(course, sandbox, submission, "early")
        assert course.submission(submission).state is State.GRADED
    course.empty_queue()
    return submissions


def remeasure(course: Course, sandbox: Sandbox, regrade: uuid.UUID, submission: uuid.UUID) -> None:
    """Measure a submission again for a regrade."""
    Remeasurement(grader(course, sandbox), regrade, submission).run()


def test_everything_killed_remeasure_goes_on_elsewhere(
    settings: Settings,
    course: RegradedCourse,
    sandbox: Sandbox,
    start_worker: StartWorker,
    request: pytest.FixtureRequest,
) -> None:
    parts = [{"model": SLEEPY.format(seconds=1) + f"# {n}\n", "answers": '{"2.2": "softer"}'} for n in range(3)]
    submissions = graded(course, sandbox, *parts)
    before = [course.report(submission) for submission in submissions]
    course.publish(softer="harder")
    regrade = course.regrade(Kind.REMEASURE)
    one_at_a_time = settings.model_copy(update={"workers": 1})
    first = start_worker(one_at_a_time, "first")
    until = time.monotonic() + 60
    while list(course.entries(regrade).values()).count(EntryState.DONE) < 1 or not any(
        run.outcome is RunOutcome.RUNNING for run in course.measured(regrade)
    ):
        assert time.monotonic() < until
        time.sleep(0.02)
    first.kill()
    if course.database.engine.dialect.name == "postgresql":
        server: Server = request.getfixturevalue("postgresql")
        server.kill()
        server.start()
    start_worker(one_at_a_time, "second")
    seen = course.wait_for_preview(regrade)
    assert (seen.done, seen.total, seen.changed, seen.faults) == (3, 3, 3, [])
    runs = course.measured(regrade)
    assert sorted(run.outcome for run in runs) == [RunOutcome.FAULT] + [RunOutcome.FINISHED] * 3
    assert {run.submission_id for run in runs if run.outcome is RunOutcome.FINISHED} == set(submissions)
    assert {run.executor for run in runs} == {"first", "second"}
    assert [course.report(submission) for submission in submissions] == before
    with course.database.write() as session:
        service.publish(session, course.admin, regrade)
    assert [course.report(submission)["score"] for submission in submissions] == [0.5, 0.5, 0.5]
    with course.database.write() as session:
        service.revert(session, course.admin, regrade)
    assert [course.report(submission) for submission in submissions] == before


def test_killed_worker_rescore_goes_on_when_it_returns(
    settings: Settings,
    course: RegradedCourse,
    sandbox: Sandbox,
    start_worker: StartWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [{"answers": f'{{"2.2": "softer", "note": "{number}"}}'} for number in range(5)]
    graded(course, sandbox, *answers)
    course.publish(softer="harder")
    regrade = course.regrade(Kind.RESCORE)
    monkeypatch.setattr(preview, "BATCH_SIZE", 2)
    # One batch, and the worker stops: the rest is put back as a job.
    course.empty_queue()
    Previewer(course.database, course.jobs, lambda: True).run(regrade)
    assert sorted(course.entries(regrade).values()) == [EntryState.DONE] * 2 + [EntryState.PENDING] * 3
    assert course.waiting_jobs() == 1
    assert course.view(regrade).state is RegradeState.RUNNING
    worker = start_worker(settings, "late")
    seen = course.wait_for_preview(regrade)
    assert (seen.done, seen.changed) == (5, 5)
    worker.stop()
    # A second job for the same regrade, as after a crash, finds nothing left to do.
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    assert course.view(regrade) == seen


def test_two_jobs_of_one_regrade_write_nothing_twice(
    course: RegradedCourse, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded(course, sandbox, *[{"answers": f'{{"2.2": "softer", "n": "{n}"}}'} for n in range(3)])
    course.publish(softer="harder")
    regrade = course.regrade(Kind.RESCORE)
    course.empty_queue()
    rescore = preview.rescored
    monkeypatch.setattr(preview, "BATCH_SIZE", 2)
    other = Previewer(course.database, course.jobs, lambda: True)

    def meanwhile(*arguments: Any) -> preview.Result:
        # The other job writes this very batch before the first one does.
        monkeypatch.setattr(preview, "rescored", rescore)
        other.run(regrade)
        assert course.view(regrade).done == 2
        return rescore(*arguments)

    monkeypatch.setattr(preview, "rescored", meanwhile)
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    seen = course.view(regrade)
    assert (seen.state, seen.done, seen.changed) == (RegradeState.PREVIEW, 3, 3)
    with course.database.read() as session:
        assert len(session.scalars(select(RegradeChange).where(RegradeChange.regrade_id == regrade)).all()) == 3


def test_a_regrade_that_breaks_as_a_whole_fails_by_name_and_frees_the_assignment(
    course: RegradedCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    regrade = course.regrade(Kind.RESCORE)

    def broken(*_: Any) -> NoReturn:
        raise ZeroDivisionError("a bug of ours")

    monkeypatch.setattr(preview, "end_if_complete", broken)
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    seen = course.view(regrade)
    assert (seen.state, seen.failure) == (RegradeState.FAILED, "ZeroDivisionError: a bug of ours")
    assert course.regrade(Kind.RESCORE) != regrade


class BrokenSandbox(Sandbox):
    """A sandbox whose children never come up: nothing a test could bring about in the real one, every time."""

    @contextmanager
    def child(self, *_: Any, **__: Any) -> Iterator[NoReturn]:
        """Fails."""
        raise InfrastructureFault("no child can be had")
        yield


class Crashing(Sandbox):
    """Not even the limits can be read: a fault of our own code."""

    @property
    def policy(self) -> NoReturn:
        raise ZeroDivisionError("a bug of ours")

    @policy.setter
    def policy(self, _: object) -> None:
        pass


@pytest.mark.parametrize(
    ("broken_sandbox", "failures", "reason"),
    [(BrokenSandbox, 3, "no child can be had"), (Crashing, 1, "ZeroDivisionError: a bug of ours")],
)
def test_what_cannot_be_measured_is_listed_and_left_alone(
    course: RegradedCourse,
    sandbox: Sandbox,
    broken_sandbox: type[Sandbox],
    failures: int,
    reason: str,
) -> None:
    parts = {"model": SLEEPY.format(seconds=0), "answers": '{"2.2": "softer"}'}
    (submission,) = graded(course, sandbox, parts)
    before = course.report(submission)
    course.publish(softer="harder")
    regrade = course.regrade(Kind.REMEASURE)
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    for left in range(failures, 0, -1):
        assert course.view(regrade).state is RegradeState.RUNNING, left
        remeasure(course, broken_sandbox(), regrade, submission)
    seen = course.view(regrade)
    assert (seen.state, seen.done, seen.changed) == (RegradeState.PREVIEW, 1, 0)
    (fault,) = seen.faults
    assert (fault.submission, fault.student) == (submission, "student")
    assert reason in fault.reason
    assert [run.outcome for run in course.measured(regrade)] == [RunOutcome.FAULT] * failures
    with course.database.write() as session:
        service.publish(session, course.admin, regrade)
    assert course.report(submission) == before


def test_a_stopping_worker_puts_the_measuring_back(course: RegradedCourse, sandbox: Sandbox) -> None:
    (submission,) = graded(course, sandbox, {"model": SLEEPY.format(seconds=1)})
    course.publish()
    regrade = course.regrade(Kind.REMEASURE)
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    course.empty_queue()
    Remeasurement(grader(course, sandbox, is_stopping=lambda: True), regrade, submission).run()
    assert [run.outcome for run in course.measured(regrade)] == [RunOutcome.INTERRUPTED]
    assert course.waiting_jobs() == 1
    assert course.view(regrade).state is RegradeState.RUNNING


def test_students_go_ahead_of_a_remeasure(
    settings: Settings, course: RegradedCourse, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    graded(course, sandbox, *[{"answers": f'{{"2.2": "softer", "n": "{n}"}}'} for n in range(4)])
    course.publish()
    regrade = course.regrade(Kind.REMEASURE)
    course.empty_queue()
    Previewer(course.database, course.jobs, lambda: False).run(regrade)
    assert course.waiting_jobs() == 4
    early = course.submit(answers='{"2.2": "harder"}')
    start_worker(settings.model_copy(update={"workers": 1}), "only")
    course.wait_for_preview(regrade)
    (run,) = course.runs(early)
    assert run.started_at < min(again.started_at for again in course.measured(regrade))


def test_the_database_itself_keeps_two_open_regrades_apart(
    course: RegradedCourse, monkeypatch: pytest.MonkeyPatch
) -> None:
    regrade = course.regrade(Kind.RESCORE)
    # Two admins at the same moment: neither sees the other's regrade.
    monkeypatch.setattr(repository, "open_one", lambda *_: None)
    with pytest.raises(service.RegradeOpen):
        course.regrade(Kind.RESCORE)
    with course.database.write() as session:
        service.cancel(session, course.admin, regrade)
    assert course.view(course.regrade(Kind.REMEASURE)).state is RegradeState.RUNNING


def test_a_remeasure_measures_only_what_would_be_measured_otherwise(course: RegradedCourse, sandbox: Sandbox) -> None:
    submission = course.submit(model=MODEL, answers='{"2.2": "softer"}')
    grade(course, sandbox, submission)
    before = course.report(submission)
    assert before["score"] == 1.0

    def remeasured(regrade: uuid.UUID) -> dict[str, tuple[int, dict[str, Any]]]:
        Previewer(course.database, course.jobs, lambda: False).run(regrade)
        remeasure(course, sandbox, regrade, submission)
        assert course.view(regrade).state is RegradeState.PREVIEW
        with course.database.write() as session:
            service.publish(session, course.admin, regrade)
        with course.database.read() as session:
            run_id = session.get_one(Submission, submission).run_id
            assert run_id is not None
            found = submissions.run_evidence(session, run_id)
            return {row.question: (row.run_id, row.data) for row in found}

    (first,) = course.runs(submission)
    course.publish(measured_otherwise=False, softer="harder")
    by_key = course.regrade(Kind.REMEASURE)
    rows = remeasured(by_key)
    assert course.measured(by_key) == [], "another key is a matter of scoring"
    assert {run_id for run_id, _ in rows.values()} == {first.id}
    assert course.report(submission)["score"] == 0.5
    with course.database.write() as session:
        service.revert(session, course.admin, by_key)
    assert course.report(submission) == before

    course.publish(measured_otherwise=False, version=3, prelude="\nANOTHER = 1\n")
    by_prelude = course.regrade(Kind.REMEASURE)
    again = remeasured(by_prelude)
    (run,) = course.measured(by_prelude)
    assert {run_id for run_id, _ in again.values()} == {run.id}
    assert set(again) == set(rows), "a run is complete, whatever of it was kept"
    assert again["2.2"][1] == rows["2.2"][1]
    assert set(run.timings) >= {"model"}
    # The secret input of the confirmation was drawn anew.
    assert again["1.1"][1]["artefact"]["difference"] is not None
    after = course.report(submission)
    assert (after["score"], after["assignment_version"]) == (1.0, 3)


@ON_SQLITE
def test_a_data_set_that_was_imported_anew_is_measured_on_again(
    course: RegradedCourse, sandbox: Sandbox, hw13: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "_imported", None)
    data.use(tmp_path)
    import_colours(tmp_path / "first", tmp_path)
    with course.database.write() as session:
        assignments.publish(session, on_food11(quick(hw13, ratios="[0.0]")))
    namespace: dict[str, Any] = {}
    exec(compile(MODEL, "model.py", "exec"), namespace)
    torch.manual_seed(0)
    weights = safetensors.torch.save(namespace["get_student_model"]().state_dict())

    def submit() -> Run:
        submission = course.submit_bytes(model=MODEL.encode(), pruning_plot=PLOT, weights=weights)
        grade(course, sandbox, submission)
        measure(course, sandbox, submission)
        assert course.submission(submission).state is State.GRADED
        return course.runs(submission)[-1]

    def regrade(submission: uuid.UUID) -> list[Run]:
        regrade = course.regrade(Kind.REMEASURE)
        Previewer(course.database, course.jobs, lambda: False).run(regrade)
        for each in course.entries(regrade):
            remeasure(course, sandbox, regrade, each)
        with course.database.write() as session:
            service.publish(session, course.admin, regrade)
        return [run for run in course.measured(regrade) if run.submission_id == submission]

    def digest(run: Run) -> str | None:
        with course.database.read() as session:
            (found,) = (row.data for row in submissions.run_evidence(session, run.id) if row.question == "3.1")
        assert found["curve"]
        measured_on: str | None = found["data_digest"]
        return measured_on

    first = submit()
    assert digest(first) == data.digest("food11")
    assert submit().reused_run_id == first.id
    assert regrade(first.submission_id) == []
    import_colours(tmp_path / "second", tmp_path, seed=1)
    assert digest(first) != data.digest("food11")
    assert submit().reused_run_id is None
    (again,) = regrade(first.submission_id)
    assert digest(again) == data.digest("food11")
