"""The sandbox of ``assay grade --quick``, which starts without the packages that only exports and training need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.commands.warm_sandbox import launched_sandbox
from grader import pipeline
from grader.assignment import bundled
from grader.evidence import Outcome
from grader.sandbox.supervisor import Sandbox
from grader.scoring import score
from grader.submission import Part, SubmittedParts

EXAMPLE = Path(__file__).parents[2] / "examples" / "hw13-correct"
HW13 = bundled("hw13")
LATE = ("torch._dynamo", "onnx", "onnxscript", "onnxruntime")
"""Packages that take a second and more to import."""
OWN_TRAINING = f"""
import sys
print([name for name in {LATE!r} if name in sys.modules])
import torchvision
boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0]], requires_grad=True)
torch.use_deterministic_algorithms(True)
pooled = torchvision.ops.roi_align(torch.ones(1, 3, 4, 4), [boxes], 2)
optimizer = torch.optim.AdamW([boxes])
pooled.sum().backward()
optimizer.step()
print([name for name in {LATE!r} if name in sys.modules])
"""
"""Runs what needs the compiler: an operator of detection that asks for it, and an optimizer."""


@pytest.fixture(scope="module")
def quick_sandbox() -> Iterator[Sandbox]:
    with launched_sandbox(exports=False) as sandbox:
        sandbox.start()
        yield sandbox


def test_a_quick_grading_has_every_verdict(quick_sandbox: Sandbox) -> None:
    names = {"model": "model.py", "loss": "loss.py", "summary": "summary.txt"}
    parts = {part: Part((EXAMPLE / name).read_bytes(), name) for part, name in names.items()}
    grading = pipeline.grade(HW13, SubmittedParts(parts), quick_sandbox, quick=True)
    points = {number: score(HW13, number, grading.evidence[number]).score for number in ("1.1", "1.2", "2.1")}
    assert points == {"1.1": 0.5, "1.2": 0.5, "2.1": 0.5}


def test_code_may_use_what_a_quick_sandbox_did_not_import(quick_sandbox: Sandbox) -> None:
    with quick_sandbox.child() as child:
        request = {"source": OWN_TRAINING, "prelude": HW13.prelude_source(), "filename": "model.py"}
        reply = child.request("load", request)
        assert reply.outcome is Outcome.OK, reply
        before, after = child.stdout.splitlines()
    assert before == "[]"
    assert after == "['torch._dynamo']"
