"""The replay archive of a function question: the failing call, run by a fresh interpreter, without the reference."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grader.checks.registry import of
from grader.sandbox.supervisor import Sandbox
from tests import slices
from tests.functions import small

REPLAYING = Path(__file__).parents[2] / "app/reports/replay_archive/replaying.py"
IN_PLACE = "def scale(x, by):\n    x.mul_(by)\n    return x\n"
ROWS = {
    "a wrong value": (small.MISTAKE.split('"""\n\n')[1], small.REFERENCE),
    "an argument that is changed": (IN_PLACE, "def scale(x, by):\n    return x * by\n"),
    "an exception": ("def scale(tensor, factor):\n    return tensor / (1 / factor)\n", small.REFERENCE),
}


@pytest.mark.parametrize("name", slices.every(3, ROWS))
def test_the_failing_call_is_repeated_with_pytorch_alone(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    wrong, right = ROWS[name]
    used, evidence = small.examine(sandbox, wrong)
    question = used.question("1")
    files = of(question).replay(used, question, evidence)
    assert set(files) == {"replay_function.py", "failing_call_scale.json"}
    assert small.REFERENCE.splitlines()[1] not in "".join(files.values())
    for file, text in {**files, "replaying.py": REPLAYING.read_text(), "prelude.py": ""}.items():
        (tmp_path / file).write_text(text)
    about = {"questions": [{"entry": "scale", "check": "function", "source": "code.py"}]}
    (tmp_path / "replay.json").write_text(json.dumps(about))
    (tmp_path / "code.py").write_text(wrong)
    ended = run(tmp_path)
    assert "  right\n" not in ended.stdout
    assert "  not right" in ended.stdout, ended
    assert ("ZeroDivisionError" in ended.stderr) == (name == "an exception")
    (tmp_path / "code.py").write_text(right)
    assert run(tmp_path).stdout.endswith("  right\n")


def test_a_right_function_has_nothing_to_replay(sandbox: Sandbox) -> None:
    used, evidence = small.examine(sandbox, small.REFERENCE)
    assert of(used.question("1")).replay(used, used.question("1"), evidence) == {}


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script in an interpreter that knows nothing of the service."""
    start = "import runpy, sys; sys.path.insert(0, '.'); runpy.run_path('replay_function.py', run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-I", "-c", start], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
