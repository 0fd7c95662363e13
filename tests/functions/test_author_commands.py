"""`assay assignment check` and `assay assignment try` on a small assignment, in the real sandbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.commands import assignment_try
from grader.sandbox.supervisor import Sandbox
from tests import command_line
from tests.functions import small

DIVIDED = small.MISTAKE.replace("en: ", "en: Another text. ")
ROUGH = "def scale(tensor, factor):\n    return tensor * factor * 1.000008\n"
HARMLESS = small.MISTAKE.replace("tensor / factor", "tensor * factor")


@pytest.fixture(autouse=True)
def warm(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    command_line.borrow(sandbox, monkeypatch)


def written(folder: Path, **files: str) -> Path:
    for name, text in small.assignment(**files).files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


RUBRICS = {
    "fine": ({"correct/doubled": small.REFERENCE}, 0, "1 scale: 1 mistakes, 1 correct variants", ""),
    "mistakes alike": ({"mistakes/other": DIVIDED}, 2, "", "divides.py: the cases cannot tell this mistake from other"),
    "mistake like the reference": (
        {"mistakes/none": HARMLESS},
        2,
        "",
        "none.py: the cases cannot tell this mistake from the reference",
    ),
    "wrong variant": (
        {"correct/wrong": small.MISTAKE},
        2,
        "",
        "correct/wrong.py: this correct variant fails usual, zero",
    ),
    "no mistake for a kind": (
        {
            "mistakes/divides": small.MISTAKE.replace(
                "tensor / factor", "tensor / factor if factor else tensor * factor"
            )
        },
        0,
        "remark: scale/cases.py: no known mistake fails the cases 'zero'",
        "",
    ),
    "close to the tolerance": (
        {"correct/rough": ROUGH},
        0,
        "remark: scale/correct/rough.py: this correct variant uses",
        "",
    ),
    "static fault": (
        {"mistakes/divides": "x = 1\n"},
        2,
        "",
        "mistakes/divides.py: the docstring has no line 'en: ...'",
    ),
    "broken reference": ({"reference": "def scale(:\n"}, 2, "", "scale/reference.py:1: invalid syntax"),
}


@pytest.mark.parametrize("name", RUBRICS)
def test_check_tries_the_rubric(tmp_path: Path, name: str) -> None:
    files, code, printed, refused = RUBRICS[name]
    ended = command_line.assay("assignment", "check", str(written(tmp_path, **files)))
    assert ended.returncode == code, ended
    assert printed in ended.stdout
    assert refused in ended.stderr


def test_assignment_with_a_fault_grades_nothing(tmp_path: Path) -> None:
    folder, code = written(tmp_path / "small", **{"mistakes/divides": "x = 1\n"}), tmp_path / "code.py"
    code.write_text(small.REFERENCE)
    ended = command_line.assay("grade", str(code), "--assignment", str(folder))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "mistakes/divides.py: the docstring has no line 'en: ...'" in ended.stderr


def test_check_as_json_and_without_running(tmp_path: Path) -> None:
    folder = str(written(tmp_path, **{"mistakes/none": HARMLESS}))
    ended = command_line.assay("assignment", "check", folder, "--json")
    (rubric,) = json.loads(ended.stdout)["rubrics"]
    assert (ended.returncode, rubric["question"], rubric["mistakes"]) == (2, "1", 2)
    assert [finding["file"] for finding in rubric["findings"] if finding["is_error"]] == ["scale/mistakes/none.py"]
    assert command_line.assay("assignment", "check", folder, "--no-run").returncode == 0


def test_try_grades_once(tmp_path: Path) -> None:
    folder, code = written(tmp_path / "small"), tmp_path / "code.py"
    code.write_text(small.REFERENCE)
    ended = command_line.assay("assignment", "try", str(folder), str(code), "--once")
    assert (ended.returncode, "1 / 1" in ended.stdout) == (0, True), ended
    (folder / "assignment.toml").write_text("slug = ")
    ended = command_line.assay("assignment", "try", str(folder), str(code), "--once")
    assert (ended.returncode, "assignment.toml: Invalid value" in ended.stderr) == (2, True), ended


def test_try_grades_again_at_every_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, code = written(tmp_path / "small"), tmp_path / "code.py"
    main = (folder / "assignment.toml").read_text()
    code.write_text(small.REFERENCE)
    steps = [
        lambda: code.write_text(small.MISTAKE),
        lambda: (folder / "assignment.toml").write_text("slug = "),
        lambda: (folder / "assignment.toml").write_text(main.replace("points = 0.5", "points = 0.50")),
    ]

    def save() -> None:
        if not steps:
            raise KeyboardInterrupt
        steps.pop(0)()

    monkeypatch.setattr(assignment_try, "_pause", save)
    ended = command_line.assay("assignment", "try", str(folder), str(code))
    assert ended.returncode == 0
    places = [ended.stdout.find(text) for text in ("1 / 1", "Multiply, do not divide", "cannot be used: ")]
    assert -1 < places[0] < places[1] < places[2], ended.stdout
    assert ended.stdout.count("Multiply, do not divide") == 2


def test_hidden_files_and_caches_are_no_change(tmp_path: Path) -> None:
    (tmp_path / "code.py").touch()
    before = assignment_try.state([tmp_path])
    (tmp_path / ".code.py.swp").touch()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "code.pyc").touch()
    assert assignment_try.state([tmp_path, tmp_path / "missing"]) == before
