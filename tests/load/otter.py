"""otter-grader in an environment of its own, and a plain script: two ways of grading a submission without the service.

Otter is run without a container, as Gradescope runs it: ``otter run`` on a notebook with an autograder's zip file. The
environment is made under ``build/`` the first time (about 1.5 GB) and kept; nothing of it reaches the product.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from tests.load import processes

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_PLACE = _ROOT / "build" / "otter"
VERSION = "7.0.0"
_PACKAGES = (
    f"otter-grader=={VERSION}",
    "ipykernel==7.4.0",  # otter runs notebooks with it and does not ask for it
    *(f"{name}=={metadata.version(name).partition('+')[0]}" for name in ("torch", "torchvision", "numpy")),
)
QUESTIONS = {"q1_1": "1.1", "q1_2": "1.2", "q2_1": "2.1"}
"""Otter's tests, by the question that each examines."""
_IMPORTS = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"


class NotInstalled(Exception):
    """otter-grader could not be installed; the message is pip's."""


@dataclass(frozen=True)
class Graded:
    """The cost of one grading, and the questions with full points."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    full: frozenset[str]


@cache
def installed() -> Path:
    """The environment's folder of commands; made when it is missing or of other versions. Raises `NotInstalled`."""
    stamp, packages = _PLACE / "installed", "\n".join(_PACKAGES)
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != packages:
        shutil.rmtree(_PLACE, ignore_errors=True)
        venv.create(_PLACE, with_pip=True)
        install = [str(_PLACE / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *_PACKAGES]
        ran = subprocess.run(install, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise NotInstalled("\n".join(line for line in ran.stderr.splitlines() if line.startswith("ERROR")))
        stamp.write_text(packages, encoding="utf-8")
    return _PLACE / "bin"


def autograder(folder: Path) -> Path:
    """The zip file of the tests in ``otter_tests``."""
    archive = folder / "autograder.zip"
    (folder / "otter_config.json").write_text("{}", encoding="utf-8")
    tests = str(_HERE / "otter_tests")
    generate = [str(installed() / "otter"), "generate", "--tests-dir", tests, "--output-path", str(archive)]
    subprocess.run([*generate, "--no-environment", "--no-requirements"], cwd=folder, check=True, capture_output=True)
    return archive


def grade(archive: Path, parts: Mapping[str, str], folder: Path) -> Graded:
    """Let otter grade a submission, in a folder of its own."""
    folder.mkdir()
    source = [_IMPORTS, parts["model"], parts["loss"], f"summary = {parts['summary']!r}"]
    (folder / "submission.ipynb").write_text(json.dumps(_notebook(source)), encoding="utf-8")
    run = [installed() / "otter", "run", folder / "submission.ipynb", "--autograder", archive, "--output-dir", folder]
    seconds, cpu, peak = _measured([*map(str, run), "--no-logo"], folder)
    tests = json.loads((folder / "results.json").read_text(encoding="utf-8"))["tests"]
    full = {QUESTIONS[test["name"]] for test in tests if test["name"] in QUESTIONS and test["score"]}
    return Graded(seconds, cpu, peak, frozenset(full))


def plain(parts: Mapping[str, str], folder: Path) -> Graded:
    """Let a plain script examine a submission: the same tests, one after the other."""
    folder.mkdir()
    source = [_IMPORTS, parts["model"], parts["loss"], f"summary = {parts['summary']!r}", _PLAIN]
    script = folder / "plain.py"
    script.write_text("\n".join(source), encoding="utf-8")
    run = [sys.executable, str(script), str(_HERE / "otter_tests"), str(folder / "full.json")]
    seconds, cpu, peak = _measured(run, folder)
    full = json.loads((folder / "full.json").read_text(encoding="utf-8"))
    return Graded(seconds, cpu, peak, frozenset(QUESTIONS[name] for name in full))


_PLAIN = """
import doctest, json, pathlib, runpy, sys
full = []
for path in sorted(pathlib.Path(sys.argv[1]).glob("q*.py")):
    test = runpy.run_path(str(path))["test"]
    code = test["suites"][0]["cases"][0]["code"]
    parsed = doctest.DocTestParser().get_doctest(code, dict(globals()), path.stem, None, None)
    if not doctest.DocTestRunner(verbose=False).run(parsed, out=lambda text: None).failed:
        full.append(path.stem)
pathlib.Path(sys.argv[2]).write_text(json.dumps(full))
"""


def _measured(command: list[str], folder: Path) -> tuple[float, float, float]:
    """Seconds, processor seconds and the peak of the memory in MB of a command and all its descendants."""
    start = time.perf_counter()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    cpu = 0.0
    with processes.memory_peaks(process.pid, 0.2) as peaks:
        while process.poll() is None:
            cpu = max(cpu, _cpu_seconds(process.pid))
            time.sleep(0.02)
    if process.returncode:
        raise RuntimeError((folder / "log").read_text()[-2000:])
    return time.perf_counter() - start, cpu, peaks.together.pss


def _cpu_seconds(pid: int) -> float:
    try:
        return processes.cpu_seconds(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


def _notebook(cells: list[str]) -> dict[str, object]:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "source": source,
                "outputs": [],
                "execution_count": None,
            }
            for number, source in enumerate(cells)
        ],
    }
