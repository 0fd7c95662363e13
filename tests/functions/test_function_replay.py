"""The replay archive of a function question: the failing call, run by a fresh interpreter, without the reference."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader.checks.registry import of
from grader.sandbox.supervisor import Sandbox
from tests.functions import small

REPLAYING = Path(__file__).parents[2] / "app/reports/replay_archive/replaying.py"
IN_PLACE = "def scale(x, by):\n    x.mul_(by)\n    return x\n"
ROWS = {
    "a wrong value": (small.MISTAKE.split('"""\n\n')[1], small.REFERENCE),
    "an argument that is changed": (IN_PLACE, "def scale(x, by):\n    return x * by\n"),
    "an exception": ("def scale(tensor, factor):\n    return tensor / (1 / factor)\n", small.REFERENCE),
    "an exception in every case": ('def scale(tensor, factor):\n    raise ValueError("no")\n', small.REFERENCE),
    "a call without an end": ("def scale(tensor, factor):\n    while True:\n        pass\n", small.REFERENCE),
    "the end of the process": ("import os\ndef scale(tensor, factor):\n    os._exit(0)\n", small.REFERENCE),
}
SEEN = {
    "an exception": "ZeroDivisionError: float division by zero",
    "an exception in every case": "ValueError: no",
    "a call without an end": "the call ended with timeout",
    "the end of the process": "ProcessEnded: exit code 0",
}
ENDS = ("a call without an end", "the end of the process")
"""These end the interpreter that repeats them."""


@pytest.fixture(scope="module")
def archives(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """By row and answer the files of an archive, with the wrong function that was graded or a right one."""
    folder = tmp_path_factory.mktemp("archives")
    for name, (wrong, right) in ROWS.items():
        used, evidence = small.examine(sandbox, wrong)
        question = used.question("1")
        files = of(question).replay(used, question, evidence)
        assert set(files) == {"replay_function.py", "failing_call_scale.json"}
        assert small.REFERENCE.splitlines()[1] not in "".join(files.values())
        files = {**files, "replaying.py": REPLAYING.read_text(), "prelude.py": ""}
        files["replay_function.py"] = files["replay_function.py"].replace("SECONDS = 60", "SECONDS = 2")
        about = {"questions": [{"entry": "scale", "check": "function", "source": "code.py"}]}
        for answer, code in (("wrong", wrong), ("right", right)):
            archive = folder / answer / name
            archive.mkdir(parents=True)
            for file, text in {**files, "replay.json": json.dumps(about), "code.py": code}.items():
                (archive / file).write_text(text)
    return folder


def test_failing_calls_are_repeated_with_pytorch_alone(archives: Path) -> None:
    for name, printed in run(archives / "wrong", *(name for name in ROWS if name not in ENDS))[0].items():
        assert ("  in the grading: " in printed) == (name in SEEN)
        assert SEEN.get(name, "") in printed
        assert "  not right" in printed
        assert "  right\n" not in printed
        assert ("Traceback" in printed) == (name in SEEN)


def test_a_right_function_is_right_on_the_case_that_failed(archives: Path) -> None:
    printed = run(archives / "right", *ROWS)[0]
    assert {text.splitlines()[-1] for text in printed.values()} == {"  right"}
    assert len(printed) == len(ROWS)


@pytest.mark.parametrize("name", ENDS)
def test_a_call_that_ends_the_interpreter_is_named_before(archives: Path, name: str) -> None:
    printed, errors = run(archives / "wrong", name)
    assert f"  in the grading: {SEEN[name]}\n" in printed[name]
    assert (re.search("line [23] in scale", errors) is not None) == ("timeout" in SEEN[name]), errors


def test_a_right_function_has_nothing_to_replay(sandbox: Sandbox) -> None:
    used, evidence = small.examine(sandbox, small.REFERENCE)
    assert of(used.question("1")).replay(used, used.question("1"), evidence) == {}


def run(folder: Path, *names: str) -> tuple[dict[str, str], str]:
    """What the script prints in each archive, and the errors, in one interpreter that knows nothing of the service."""
    start = """
import contextlib, os, runpy, sys
for name in sys.argv[1:]:
    print("=== " + name, flush=True)
    os.chdir(name)
    sys.path.insert(0, os.getcwd())
    sys.modules.pop("replaying", None)
    with contextlib.redirect_stderr(sys.stdout) if len(sys.argv) > 2 else contextlib.nullcontext():
        runpy.run_path("replay_function.py", run_name="__main__")
    os.chdir("..")
    del sys.path[0]
"""
    ended = subprocess.run(
        [sys.executable, "-I", "-c", start, *names],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    pieces = re.split("^=== (.*)\n", ended.stdout, flags=re.M)[1:]
    return dict(zip(pieces[::2], pieces[1::2], strict=True)), ended.stderr
