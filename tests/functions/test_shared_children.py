"""Functions of a submission share a child as long as they are right; none changes the result of another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from grader import pipeline
from grader.assignment import Assignment, from_files
from grader.checks.function.evidence import FunctionEvidence
from grader.sandbox.child import LockedChild
from grader.sandbox.supervisor import Sandbox
from grader.scoring import score
from tests.functions import small
from tests.functions.submissions import of_code

SECOND = small.MAIN[small.MAIN.index("[[questions]]") :]
SCALE = "def scale(tensor, factor):\n    return tensor * factor\n"
SHIFT = "import torch\ndef shift(tensor, factor):\n    return torch.add(tensor, factor)\n"
BREAKS_TORCH = "import torch\n" + SCALE.replace("    return", "    torch.add = torch.sub\n    return")
ENDS = "import os\ndef scale(tensor, factor):\n    os._exit(0)\n"
LOOPS = "def scale(tensor, factor):\n    while True:\n        pass\n"


def two_functions(**files: str) -> Assignment:
    """The small assignment with a second function, ``shift``."""
    second = SECOND.replace('number = "1"', 'number = "2"').replace('entry = "scale"', 'entry = "shift"')
    texts = dict(small.assignment().files)
    texts["assignment.toml"] += second.replace('folder = "scale"', 'folder = "shift"')
    texts["shift/cases.py"] = small.CASES
    texts["shift/reference.py"] = "def shift(tensor, factor):\n    return tensor + factor\n"
    return from_files(texts | {f"{name}.py": text for name, text in files.items()})


def grade(sandbox: Sandbox, code: str, **files: str) -> tuple[dict[str, float], dict[str, FunctionEvidence]]:
    """Points and evidence by question."""
    used = two_functions(**files)
    grading = pipeline.grade(used, of_code(code), sandbox)
    evidence = {number: item for number, item in grading.evidence.items() if isinstance(item, FunctionEvidence)}
    return {number: score(used, number, item).score for number, item in evidence.items()}, evidence


@pytest.fixture
def children(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[LockedChild]:
    """Every child that a grading opens."""
    opened: list[LockedChild] = []
    child = sandbox.child

    @contextmanager
    def counted(*args: Any, **kwargs: Any) -> Iterator[LockedChild]:
        with child(*args, **kwargs) as one:
            opened.append(one)
            yield one

    monkeypatch.setattr(sandbox, "child", counted)
    return opened


def test_right_functions_need_two_children_together(sandbox: Sandbox, children: list[LockedChild]) -> None:
    points, evidence = grade(sandbox, SCALE + SHIFT)
    assert points == {"1": 1.0, "2": 1.0}
    assert len(children) == 2
    assert all(child.end is not None or child.pid for child in children)
    assert evidence["1"].call == "scale(tensor, factor)"


ROWS = {
    "replaces a function of torch": (BREAKS_TORCH, 1.0),
    "ends the process": (ENDS, 0.0),
    "never ends": (LOOPS, 0.0),
    "is wrong": (SCALE.replace("*", "-"), 0.0),
    "does not load": ("raise_here = undefined_name\n" + SCALE.replace("* factor", "* raise_here"), 0.0),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_function_changes_no_result_of_another(sandbox: Sandbox, name: str) -> None:
    code, first = ROWS[name]
    # `shift` stands alone in its own child, whatever ran in the shared one.
    points, _ = grade(sandbox, code + SHIFT)
    assert points == {"1": first, "2": 1.0}


def test_what_one_function_prints_is_not_the_output_of_another(sandbox: Sandbox) -> None:
    loud = SCALE.replace("    return", "    print('scaling')\n    return")
    _, evidence = grade(sandbox, loud + SHIFT.replace("    return", "    print('shifting')\n    return"))
    assert set(evidence["1"].stdout.split()) == {"scaling"}
    assert set(evidence["2"].stdout.split()) == {"shifting"}


def test_a_file_that_ends_the_authors_child_is_the_fault_of_its_own_question(sandbox: Sandbox) -> None:
    reference = "import os\ndef scale(tensor, factor):\n    os._exit(3)\n"
    points, evidence = grade(sandbox, SCALE + SHIFT, **{"scale/reference": reference})
    assert evidence["1"].fault == "grader"
    assert "scale/reference.py" in evidence["1"].author_error
    assert (evidence["2"].fault, points["2"]) == (None, 1.0)
