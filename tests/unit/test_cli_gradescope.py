"""`assay gradescope`: files as students really upload them, and the results file that Gradescope reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from app.commands import uploaded_files
from grader.assignment import bundled
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


def gradescope(submission: Path, results: Path) -> tuple[int, dict[str, Any] | None]:
    """The exit code, and the results if there are any."""
    answer = assay("gradescope", "--submission", str(submission), "--results", str(results))
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
