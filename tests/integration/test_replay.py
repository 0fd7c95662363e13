"""The replay archive: unpacked in an empty folder and run by a fresh interpreter, it shows what the grader saw."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grader.assignment import bundled
from reference_models.kd import cases
from tests import warm_processes
from tests.integration.service import MODEL, Client, Site, assert_problem, example
from tests.integration.test_grading import SLEEPY

RIGHT = """import torch.nn.functional as F
def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    soft = F.kl_div(F.log_softmax(student_logits / temperature, 1), F.softmax(teacher_logits / temperature, 1),
                    reduction="batchmean")
    return alpha * temperature ** 2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
"""
RAISES = (
    "def loss_fn_kd(student_logits, labels, teacher_logits, alpha, temperature):\n    raise ValueError('T = %g' % 2)\n"
)
CLASS = """import torch.nn as nn, torch.nn.functional as F
class loss_fn_kd(nn.Module):
    def __init__(self, T=1.0, alpha=0.5):
        super().__init__()
        self.T, self.alpha = T, alpha
    def forward(self, outputs, labels, teacher_outputs):
        soft = F.kl_div(F.log_softmax(outputs / self.T, 1), F.softmax(teacher_outputs / self.T, 1), reduction="mean")
        return self.alpha * self.T ** 2 * soft + (1 - self.alpha) * F.cross_entropy(outputs, labels)
"""


def unpack(student: Client, submission: str, folder: Path) -> dict[str, Any]:
    """The archive in a folder; its cases, if it has any."""
    answer = student.get(f"/submissions/{submission}/replay")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    zipfile.ZipFile(io.BytesIO(answer.content)).extractall(folder)
    assert student.get(f"/submissions/{submission}/replay").content == answer.content
    file = folder / "cases.json"
    return {case["term"]: case for case in json.loads(file.read_text())} if file.exists() else {}


_AT_HOME = """
import importlib.abc, runpy, sys
class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] in OURS:
            raise ModuleNotFoundError(name)
OURS = ("app", "grader", "reference_models", "tests")
for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
    del sys.modules[name]
sys.meta_path.insert(0, NotInstalled())
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has PyTorch and nothing of the service, and is forked from a warm one."""
    program = tmp_path_factory.mktemp("python") / "python"
    program.write_text(warm_processes.script(_AT_HOME, "torch"))
    program.chmod(0o755)
    return program


def run(python: Path, folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the archive."""
    return subprocess.run(
        [python, script],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def values(said: str, label: str) -> list[float]:
    """The numbers after a label, in the order of the cases."""
    return [float(number) for number in re.findall(rf"^ *{label} +(\S+)$", said, re.M)]


def test_a_wrong_loss_is_wrong_by_the_same_at_home(service: Site, python: Path, tmp_path: Path) -> None:
    student = service.person()
    model, loss = MODEL.encode(), example("loss.py")
    submission = student.submit(model=("mine.py", model), loss=("loss.txt", loss), answers='{"2.2": "softer"}')
    report = student.wait_for_state(submission, "graded")
    failures = unpack(student, submission, tmp_path)
    assert (tmp_path / "uploaded/model.py").read_bytes() == model
    assert (tmp_path / "uploaded/loss.txt").read_bytes() == loss
    evidence = report["questions"][2]["evidence"]
    assert set(failures) == {"soft_term", "mixture", "gradient"}
    for term, case in failures.items():
        assert case["got"] == evidence[term]["drawn"]["got"]
        assert case["expected"] == evidence[term]["drawn"]["expected"]
    ran = run(python, tmp_path, "replay_loss.py")
    assert ran.returncode == 0, ran.stderr
    got, seen = values(ran.stdout, "the grader got"), values(ran.stdout, "your loss gives")
    for number, (term, case) in enumerate(failures.items()):
        assert got[number] == case["got"]
        if term != "gradient":
            assert seen[number] == pytest.approx(case["got"], rel=1e-5)
            assert abs(seen[number] - case["value"]) > 0.01 * abs(case["value"])
    assert values(ran.stdout, "yours has") == [pytest.approx(failures["gradient"]["got"], abs=1e-5)]
    counted = run(python, tmp_path, "replay_model.py")
    assert counted.returncode == 0, counted.stderr
    assert "parameters: 323" in counted.stdout
    assert "2 images in train mode: (2, 11), expected (2, 11)" in counted.stdout
    about = json.loads((tmp_path / "replay.json").read_text())
    assert about["grader_version"] == report["grader_version"]
    assert about["questions"][2]["seeds"] == evidence["seeds"]

    # A right loss, put in the place of the wrong one, agrees on the same tensors.
    (tmp_path / "as_run/loss.py").write_text(RIGHT.replace("labels", "y_a"))
    mended = run(python, tmp_path, "replay_loss.py")
    assert mended.returncode == 0, mended.stderr
    right, mine = (values(mended.stdout, label) for label in ("a right loss gives", "your loss gives"))
    assert len(mine) == 3
    assert mine == pytest.approx(right, rel=1e-4)


def test_nothing_that_is_the_same_for_everybody_is_given_away(service: Site, tmp_path: Path) -> None:
    student = service.person()
    submission = student.submit(loss=example("loss.py") + b"# secrets\n", answers='{"2.2": "harder", "3.2": "yes"}')
    student.wait_for_state(submission, "graded")
    failures = unpack(student, submission, tmp_path)
    book = cases.read(bundled("hw13").files["kd_cases.json"])
    for case in failures.values():
        assert case["case"].startswith("fresh-")
        for inputs in (*book.inputs, *book.remarks):
            logits = np.array(case["student_logits"], np.float32)
            assert logits.shape != inputs.student.shape or not np.array_equal(logits, inputs.student)
    everything = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "fixed-" not in everything
    assert "softer" not in everything
    assert "assignment.toml" not in everything


def test_what_failed_worst_on_a_fixed_case_is_shown_on_a_drawn_one(service: Site, tmp_path: Path) -> None:
    student = service.person()
    loss = RIGHT.replace("return ", "return (500.0 if temperature == 1.0 else 0.5) + ")
    submission = student.submit(loss=loss)
    evidence = student.wait_for_state(submission, "graded")["questions"][2]["evidence"]
    failures = unpack(student, submission, tmp_path)
    for term in ("hard_term", "soft_term"):
        assert evidence[term]["worst"]["case"].startswith("fixed-")
        assert failures[term]["case"] == evidence[term]["drawn"]["case"]
        assert failures[term]["got"] == pytest.approx(failures[term]["value"] + 0.5, rel=1e-4)


def test_an_error_is_raised_at_home_too(service: Site, python: Path, tmp_path: Path) -> None:
    student = service.person()
    submission = student.submit(loss=RAISES)
    student.wait_for_state(submission, "graded")
    assert set(unpack(student, submission, tmp_path)) == {"call"}
    ran = run(python, tmp_path, "replay_loss.py")
    assert ran.returncode == 1
    assert "ValueError: T = 2" in ran.stderr


def test_a_loss_class_is_called_as_the_grader_called_it(service: Site, python: Path, tmp_path: Path) -> None:
    student = service.person()
    submission = student.submit(loss=CLASS)
    student.wait_for_state(submission, "graded")
    failures = unpack(student, submission, tmp_path)
    assert "soft_term" in failures
    ran = run(python, tmp_path, "replay_loss.py")
    assert ran.returncode == 0, ran.stderr
    assert values(ran.stdout, "your loss gives")[0] == pytest.approx(failures["soft_term"]["got"], rel=1e-5)


def test_a_loss_that_reads_its_numbers_from_params_is_called_so_at_home(
    service: Site, python: Path, tmp_path: Path
) -> None:
    student = service.person()
    loss = CLASS.replace("class loss_fn_kd(nn.Module):", "class KDLoss(nn.Module):")
    loss += (
        "def loss_fn_kd(outputs, labels, teacher_outputs, params):\n"
        "    return KDLoss(params.T, params['alpha'])(outputs, labels, teacher_outputs), params.get('alpha')\n"
    )
    submission = student.submit(loss=loss)
    student.wait_for_state(submission, "graded")
    failures = unpack(student, submission, tmp_path)
    ran = run(python, tmp_path, "replay_loss.py")
    assert ran.returncode == 0, ran.stderr
    assert values(ran.stdout, "your loss gives")[0] == pytest.approx(failures["soft_term"]["got"], rel=1e-5)


def test_a_right_submission_has_nothing_to_show(service: Site, python: Path, tmp_path: Path) -> None:
    student = service.person()
    submission = student.submit(model=MODEL, loss=RIGHT)
    student.wait_for_state(submission, "graded")
    assert unpack(student, submission, tmp_path) == {}
    ran = run(python, tmp_path, "replay_loss.py")
    assert (ran.returncode, ran.stdout) == (0, "Nothing failed on the tensors that were drawn for your run.\n")


def test_only_the_parts_that_were_handed_in_are_there(service: Site, tmp_path: Path) -> None:
    student = service.person()
    submission = student.submit(answers='{"2.2": "softer"}')
    student.wait_for_state(submission, "graded")
    assert unpack(student, submission, tmp_path) == {}
    assert {path.name for path in tmp_path.iterdir()} == {"README.md", "prelude.py", "replay.json"}


def test_the_archive_is_its_owners_and_comes_after_the_grading(service: Site) -> None:
    student, other = service.person(), service.person()
    submission = student.submit(model=SLEEPY.format(seconds=4) + "# replay\n")
    assert_problem(student.get(f"/submissions/{submission}/replay"), 409, "not-graded-yet")
    assert_problem(other.get(f"/submissions/{submission}/replay"), 404, "submission-not-found")
    student.wait_for_state(submission, "graded")
    assert service.person("ta").get(f"/submissions/{submission}/replay").status_code == 200
