"""`assay gradescope`: files as students really upload them, and the results file that Gradescope reads."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from app.commands import gradescope_metadata, uploaded_files
from grader.assignment import Assignment, LateRule, Schedule, Tell, bundled
from grader.sandbox.supervisor import FloorNotMet, Sandbox
from tests import command_line
from tests.command_line import assay
from tests.unit.test_cli import ROOT

EXAMPLE = ROOT / "examples/hw13"
SCHEMA = ROOT / "tests/unit/exports/gradescope_results.schema.json"
MODEL, LOSS = (EXAMPLE / name for name in ("model.py", "loss.py"))


def collected_names(folder: Path) -> dict[str, str | None]:
    """The file of each part."""
    return {name: part.filename for name, part in uploaded_files.collect(bundled("hw13"), folder)[0].items()}


def test_code_is_found_by_what_it_defines(tmp_path: Path) -> None:
    shutil.copy(MODEL, tmp_path / "net.py")
    shutil.copy(LOSS, tmp_path / "q2.py")
    (tmp_path / "notes.txt").write_text("Total params: 96,587")
    (tmp_path / "a.json").write_text('{"2.2": "softer"}')
    assert collected_names(tmp_path) == {
        "model": "net.py",
        "loss": "q2.py",
        "summary": "notes.txt",
        "answers": "a.json",
    }


def test_one_file_may_hold_the_model_and_the_loss(tmp_path: Path) -> None:
    (tmp_path / "hw13.py").write_text(MODEL.read_text() + LOSS.read_text())
    assert collected_names(tmp_path) == {"model": "hw13.py", "loss": "hw13.py"}


def test_a_folder_in_an_archive_and_what_systems_leave_behind(tmp_path: Path) -> None:
    for name in ("B01", "__MACOSX", ".git"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.py").write_text(f"def get_student_model(): return {name!r}")
    (tmp_path / "B01/._model.py").write_bytes(b"\0")
    assert collected_names(tmp_path) == {"model": "B01/model.py"}


def test_a_link_leads_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("Total params: 1")
    upload = tmp_path / "upload"
    upload.mkdir()
    (upload / "summary.txt").symlink_to(secret)
    (upload / "more").symlink_to(tmp_path)
    assert collected_names(upload) == {}


def test_what_is_doubtful_is_left_out_and_told(tmp_path: Path) -> None:
    shutil.copy(MODEL, tmp_path / "model.py")
    for name, data in {"a.png": b"1", "b.png": b"2", "loss.py": b" \n", "answers.json": b'{"2.2":'}.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "summary.txt").write_bytes(b" " * (bundled("hw13").part("summary").limit + 1))
    parts, remarks = uploaded_files.collect(bundled("hw13"), tmp_path)
    assert set(parts) == {"model"}
    text = "\n".join(remarks)
    for word in ("a.png, b.png", "loss.py is empty", "answers.json: The answers", "summary.txt has 1,048,577 bytes"):
        assert word in text
    (tmp_path / "b.png").write_bytes(b"1")
    assert "pruning_plot" in uploaded_files.collect(bundled("hw13"), tmp_path)[0], (
        "two copies of one picture leave no doubt"
    )


def gradescope(
    submission: Path, results: Path, metadata: Path = Path("/nonexistent")
) -> tuple[int, dict[str, Any] | None]:
    """The exit code, and the results if there are any."""
    places = ("--submission", str(submission), "--results", str(results), "--metadata", str(metadata))
    answer = assay("gradescope", *places)
    file = results / "results.json"
    return answer.returncode, json.loads(file.read_text()) if file.exists() else None


@pytest.fixture
def warm(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds a warm sandbox, and trains as briefly as can be."""
    command_line.borrow(sandbox, monkeypatch)
    command_line.train_briefly(monkeypatch)


@pytest.mark.usefixtures("warm")
def test_the_example_earns_in_gradescope_what_it_earns_here(tmp_path: Path) -> None:
    code, results = gradescope(ROOT / "examples/hw13-correct", tmp_path / "results")
    assert code == 0
    assert results is not None
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text())).validate(results)
    assert results["score"] == 4.0
    points = {test["number"]: test["score"] for test in results["tests"]}
    assert points == {"1.1": 0.5, "1.2": 0.5, "2.1": 0.5, "2.2": 0.5, "3.1": 1.0, "3.2": 1.0}
    assert "provisional" in results["output"]
    assert results["extra_data"]["files"]["pruning_plot"] == "pruning.png"


@pytest.mark.usefixtures("warm")
def test_unusable_files_are_told_in_the_results(tmp_path: Path) -> None:
    upload = tmp_path / "upload"
    upload.mkdir()
    (upload / "report.docx").write_bytes(b"PK")
    code, results = gradescope(upload, tmp_path)
    assert code == 0
    assert results is not None
    assert (results["score"], len(results["tests"])) == (0, 6)
    assert "No file has the name of a part" in results["output"]


@pytest.mark.parametrize("reason", ["a layer is missing", "no such folder"])
def test_a_fault_of_ours_gives_no_points_at_all(tmp_path: Path, reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: Sandbox) -> None:
        raise FloorNotMet({"moat": "not tried"})

    monkeypatch.setattr(Sandbox, "start", start)
    (tmp_path / "results.json").write_text('{"score": 4}')
    upload, code = (EXAMPLE, 78) if reason == "a layer is missing" else (tmp_path / "nowhere", 2)
    assert gradescope(upload, tmp_path) == (code, None)


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Assignment:
    """hw13 with a late rule and two attempts in 24 hours."""
    late = LateRule(percent_per_day=10, most_days=5)
    schedule = Schedule(deadline=datetime(2020, 1, 1, tzinfo=UTC), late=late, attempts_per_day=2, tell=Tell.AT_ONCE)
    assignment = bundled("hw13").model_copy(update={"schedule": schedule})
    monkeypatch.setattr("app.commands.gradescope.load_assignment", lambda _: assignment)
    return assignment


def earlier(time: str, score: float | None, **members: Any) -> dict[str, Any]:
    """An earlier submission as the metadata have it."""
    return {"submission_time": time, "score": score, "autograder_error": False, "results": {}, **members}


@pytest.fixture
def upload(tmp_path: Path) -> Path:
    """A submission that is worth 1.5 points and runs no code."""
    folder = tmp_path / "upload"
    folder.mkdir()
    (folder / "answers.json").write_text('{"2.2": "softer", "3.2": "no"}')
    return folder


def metadata_file(folder: Path, **members: Any) -> Path:
    """Metadata as Gradescope documents them, with these members changed."""
    dates = {"due_date": "2026-07-30T23:00:00.000000-07:00", "late_due_date": None}
    data = {
        "id": 123456,
        "created_at": "2026-08-01T14:22:32.365935-07:00",
        "assignment": {**dates, "group_size": 4, "group_submission": True, "id": 1, "course_id": 2, "title": "HW13"},
        "submission_method": "upload",
        "users": [{"email": "ada@example.com", "id": 3, "name": "Ada"}],
        "previous_submissions": [],
        **members,
    }
    file = folder / "submission_metadata.json"
    file.write_text(json.dumps(data))
    return file


@pytest.mark.usefixtures("warm", "strict")
def test_gradescopes_deadline_and_the_assignments_rule_decide_what_a_late_submission_loses(
    tmp_path: Path, upload: Path
) -> None:
    times = ("2026-07-01T08:00:00-07:00", "2026-07-02T08:00:00-07:00")
    before = [earlier(times[0], 1.4), earlier(times[1], None, autograder_error=True)]
    code, results = gradescope(upload, tmp_path, metadata_file(tmp_path, previous_submissions=before))
    assert code == 0
    assert results is not None
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text())).validate(results)
    assert results["score"] == pytest.approx(1.2)
    assert "on day 2 after the deadline: 20% of the 1.5 points" in results["output"]
    assert "An earlier submission has 1.4 points" in results["output"]
    extra = results["extra_data"]
    assert (extra["attempt"], extra["days_late"], extra["percent_deducted"]) == (2, 2, 20)


@pytest.mark.usefixtures("strict")
def test_an_extension_at_gradescope_holds(tmp_path: Path, strict: Assignment) -> None:
    extended = [{"id": 1}, {"id": 2, "assignment": {"due_date": "2026-08-01T15:00:00-07:00"}}]
    metadata = gradescope_metadata.read(metadata_file(tmp_path, users=extended))
    assert metadata is not None
    assert metadata.lateness(strict.schedule) is None
    metadata = gradescope_metadata.read(metadata_file(tmp_path, assignment={"due_date": None}, users=[{"id": 1}]))
    assert metadata is not None
    assert metadata.lateness(strict.schedule) is None, "Gradescope has no deadline"


def test_one_more_attempt_than_allowed_is_not_graded_and_costs_nothing(
    tmp_path: Path, upload: Path, strict: Assignment
) -> None:
    refused = {"extra_data": {"refused": "attempts"}}
    before = [
        earlier("2026-08-01T12:00:00-07:00", 3.0),
        earlier("2026-08-01T13:00:00-07:00", 2.0),
        earlier("2026-08-01T13:30:00-07:00", 3.0, results=refused),
    ]
    file = metadata_file(tmp_path, previous_submissions=before)
    code, results = gradescope(upload, tmp_path, file)
    assert code == 0
    assert results is not None
    jsonschema_rs.validator_for(json.loads(SCHEMA.read_text())).validate(results)
    assert (results["score"], len(results["tests"])) == (3.0, 1)
    assert "All 2 attempts" in results["output"]
    assert "2026-08-02 12:00 (UTC-0700)" in results["output"]
    metadata = gradescope_metadata.read(file)
    assert metadata is not None
    latest = strict.schedule.model_copy(update={"keep": "latest"})
    assert metadata.counted_score(latest) == 2.0
    late_enough = metadata.model_copy(update={"created_at": metadata.created_at + timedelta(days=1)})
    assert late_enough.next_attempt_at(strict.schedule) is None


def test_no_points_are_told_while_gradescope_hides_the_total(
    tmp_path: Path, upload: Path, strict: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = strict.questions[0].model_copy(update={"tell": Tell.WHEN_RELEASED})
    hidden = strict.model_copy(update={"questions": (first, *strict.questions[1:])})
    monkeypatch.setattr("app.commands.gradescope.load_assignment", lambda _: hidden)
    before = [earlier(f"2026-08-01T1{hour}:00:00-07:00", 3.0) for hour in (2, 3)]
    _, results = gradescope(upload, tmp_path, metadata_file(tmp_path, previous_submissions=before))
    assert results is not None
    assert [test["visibility"] for test in results["tests"]] == ["after_published"]
    assert "3" not in results["output"].split("Submit again")[0]


@pytest.mark.usefixtures("warm", "strict")
def test_metadata_that_cannot_be_read_cost_nobody_a_grading(tmp_path: Path, upload: Path) -> None:
    file = tmp_path / "submission_metadata.json"
    file.write_text('{"created_at": "yesterday"}')
    answer = assay("gradescope", "--submission", str(upload), "--results", str(tmp_path), "--metadata", str(file))
    assert answer.returncode == 0
    assert "cannot be read" in answer.stderr
    assert json.loads((tmp_path / "results.json").read_text())["score"] == 1.5
