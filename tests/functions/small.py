"""An assignment of one function question, as small as one can be, whose files tests replace."""

from __future__ import annotations

from grader import pipeline
from grader.assignment import Assignment, from_files
from grader.checks.function.evidence import FunctionEvidence
from grader.sandbox.supervisor import Sandbox
from tests.functions.submissions import of_code

MAIN = """
slug = "small"
version = 1
[title]
en = "Small"
[sandbox]
cpu_seconds = 2
wall_seconds = 200
[[parts]]
name = "code"
kind = "code"
title = { en = "Code" }
[[questions]]
number = "1"
check = "function"
points = 1.0
parts = ["code"]
title = { en = "Scale" }
[questions.options]
entry = "scale"
folder = "scale"
[[questions.options.groups]]
name = "usual"
points = 0.5
title = { en = "usual factors" }
cases = ["usual"]
[[questions.options.groups]]
name = "zero"
points = 0.5
title = { en = "a factor of zero" }
cases = ["zero"]
"""
REFERENCE = "def scale(tensor, factor):\n    return tensor * factor\n"
CASES = """\
import torch

def cases(rng):
    for factor in (2.0, 0.5, 3.0):
        yield "usual", {"tensor": torch.from_numpy(rng.normal(size=(2, 3))).float(), "factor": factor}
    yield "zero", {"tensor": torch.from_numpy(rng.normal(size=(2, 3))).float(), "factor": 0.0}
"""
MISTAKE = '"""\nen: Multiply, do not divide.\n"""\n\ndef scale(tensor, factor):\n    return tensor / factor\n'


def assignment(**files: str) -> Assignment:
    """The assignment; ``files`` replaces files of the folder by their names without ``.py``, an empty text removes."""
    texts = {"reference": REFERENCE, "cases": CASES, "mistakes/divides": MISTAKE} | files
    return from_files({"assignment.toml": MAIN} | {f"scale/{name}.py": text for name, text in texts.items() if text})


def examine(sandbox: Sandbox, code: str, **files: str) -> tuple[Assignment, FunctionEvidence]:
    """Grade code; returns the assignment and the evidence of its question."""
    used = assignment(**files)
    evidence = pipeline.grade(used, of_code(code), sandbox).evidence["1"]
    assert isinstance(evidence, FunctionEvidence)
    return used, evidence
