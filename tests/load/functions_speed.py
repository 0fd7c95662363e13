"""Eight functions graded, against a cold ``python -c "import torch"`` in the same run.

    python -m tests.load.functions_speed

The example of `prune-quantize`, all right, and the one with five mistakes, each by a warm sandbox: wall time, and
processor time with all children. Processor time also holds on a busy machine; the aim is one of wall time.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from grader import pipeline
from grader.assignment import bundled
from grader.sandbox.supervisor import Sandbox
from grader.scoring import score
from grader.submission import Part, SubmittedParts
from tests.load import processes
from tests.load.figures import Row, row

EXAMPLES = Path(__file__).parents[2] / "examples"
ASSIGNMENT = bundled("prune-quantize")
FUNCTIONS = [question.number for question in ASSIGNMENT.questions if question.check == "function"]
ANCHOR = "cold import torch"


def grade(sandbox: Sandbox, code: str) -> int:
    """Grade code that was never graded before; returns how many functions have full points."""
    fresh = f"{code}\n# {uuid.uuid4()}\n"
    grading = pipeline.grade(ASSIGNMENT, SubmittedParts({"code": Part(fresh.encode(), "code.py")}), sandbox)
    scores = [score(ASSIGNMENT, number, grading.evidence[number]) for number in FUNCTIONS]
    return sum(one.score == one.max_score for one in scores)


def costs(action: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Seconds of an action, the median, and its processor seconds with all children, the mean."""
    seconds = []
    used = processes.cpu_seconds(os.getpid())
    for _ in range(rounds):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), (processes.cpu_seconds(os.getpid()) - used) / rounds


def measure(rounds: int = 10) -> list[Row]:
    """One row for each figure. All in one run."""
    rows = []
    cold, cold_cpu = costs(lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True), rounds // 2)
    with Sandbox() as sandbox:
        for folder, name, right in (
            ("prune-quantize", "eight functions, all right", 8),
            ("prune-quantize-mistakes", "eight functions, five of them wrong", 3),
        ):
            code = (EXAMPLES / folder / "code.py").read_text(encoding="utf-8")
            if (full := grade(sandbox, code)) != right:
                raise RuntimeError(f"{folder}: {full} functions have full points, not {right}")
            wall, cpu = costs(lambda code=code: grade(sandbox, code), rounds)  # type: ignore[misc]
            rows.append(row(f"{name}, processor time", cpu / cold_cpu, f"processor time of a {ANCHOR}"))
            rows.append(row(name, wall / cold, ANCHOR, 0.3))
    return rows


if __name__ == "__main__":
    for result in measure():
        print(result)
