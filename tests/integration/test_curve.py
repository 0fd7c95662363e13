"""Question 3.1 measured on the artefact: with uploaded weights, with distilled ones, and when something is wrong."""

from __future__ import annotations

import io
from typing import Any

import pytest
import safetensors.torch
import torch
from PIL import Image, ImageDraw

from grader import data, measuring, pipeline, scoring
from grader.assignment import Assignment
from grader.evidence import ChoiceEvidence, PruningEvidence
from grader.handin import HandIn, Part
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from reference_models import trained
from reference_models.networks import trained_baseline_student
from tests.integration.budgets import quick

MODEL = """
def block(i, o):
    return [nn.Conv2d(i, o, 3), nn.BatchNorm2d(o), nn.ReLU()]
class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        pool = nn.MaxPool2d(2, 2, 0)
        layers = block(3, 32) + block(32, 32) + [pool] + block(32, 64) + [pool] + block(64, 100) + [pool]
        self.cnn = nn.Sequential(*layers, nn.AdaptiveAvgPool2d((1, 1)))
        self.fc = nn.Sequential(nn.Linear(100, 11))
    def forward(self, x):
        return self.fc(self.cnn(x).flatten(1))
def get_student_model():
    return StudentNet()
"""
"""The homework's own example of a student, 87,907 parameters."""


def plot() -> bytes:
    picture = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(picture).line([(20, 30), (160, 60), (300, 220)], fill="blue", width=3)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def graded(
    assignment: Assignment, sandbox: Sandbox, weights: bytes | None = None, model: str = MODEL, **more: str
) -> tuple[PruningEvidence, scoring.QuestionScore]:
    parts = {"model": Part(model.encode()), "pruning_plot": Part(plot()), "answers": Part(b'{"3.2": "no"}')}
    parts |= {name: Part(text.encode()) for name, text in more.items()}
    if weights is not None:
        parts["weights"] = Part(weights)
    grading = pipeline.grade(assignment, HandIn(parts), sandbox)
    evidence = grading.evidence["3.1"]
    assert isinstance(evidence, PruningEvidence)
    times = grading.evidence["3.2"]
    assert isinstance(times, ChoiceEvidence)
    assert times.seconds_unpruned is not None
    assert times.seconds_pruned_90 is not None
    assert 0.3 < times.seconds_pruned_90 / times.seconds_unpruned < 3
    return evidence, scoring.score(assignment, "3.1", evidence)


def baseline_weights() -> dict[str, torch.Tensor]:
    """The shipped baseline student's weights under the names of the model above."""
    ours = trained_baseline_student().state_dict()
    namespace: dict[str, Any] = {"nn": torch.nn}
    exec(compile(MODEL, "model.py", "exec"), namespace)
    theirs = namespace["get_student_model"]().state_dict()
    assert [tuple(v.shape) for v in ours.values()] == [tuple(v.shape) for v in theirs.values()]
    return dict(zip(theirs, ours.values(), strict=True))


def test_curve_of_uploaded_weights_is_measured(hw13: Assignment, sandbox: Sandbox) -> None:
    evidence, score = graded(quick(hw13), sandbox, safetensors.torch.save(baseline_weights()))
    assert evidence.weights == "uploaded"
    assert [point["ratio"] for point in evidence.curve] == [0.0, 0.5, 0.9]
    accuracy = [point["accuracy"] for point in evidence.curve]
    known = trained.result()["baseline_student"]["accuracy"]["hidden"]
    assert evidence.curve[0]["low"] < known < evidence.curve[0]["high"]
    assert accuracy[0] > accuracy[2]
    assert evidence.images is not None
    assert evidence.images >= measuring.FEWEST_IMAGES
    assert evidence.reference_curve
    assert (score.verdict, score.score) == (Verdict.NEEDS_REVIEW, 1.0)
    assert {"pruning.curve.uploaded", "weights.loaded"} <= {note.id for note in score.messages}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (b"these are no weights", "weights.unreadable"),
        (safetensors.torch.save({"fc.weight": torch.zeros(11, 100)}), "weights.do_not_fit"),
    ],
)
def test_weights_that_do_not_fit_cost_no_points(
    hw13: Assignment, sandbox: Sandbox, weights: bytes, message: str
) -> None:
    evidence, score = graded(quick(hw13), sandbox, weights)
    assert evidence.curve == ()
    assert score.score == 1.0
    assert message in {note.id for note in score.messages}


def test_distillation_gives_the_same_curve_twice(hw13: Assignment, sandbox: Sandbox) -> None:
    small = quick(hw13, distillation_flops="4e10")
    first, score = graded(small, sandbox)
    second, _ = graded(small, sandbox)
    assert first.weights == "distilled"
    assert first.curve == second.curve
    assert "pruning.curve.distilled" in {note.id for note in score.messages}


def test_model_that_takes_one_size_is_measured_at_its_own(hw13: Assignment, sandbox: Sandbox) -> None:
    fixed = """
class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Conv2d(3, 4, 16, stride=16)
        self.fc = nn.Linear(4 * 14 * 14, 11)
    def forward(self, x):
        return self.fc(torch.relu(self.cnn(x)).flatten(1))
def get_student_model():
    return StudentNet()
"""
    namespace: dict[str, Any] = {"nn": torch.nn, "torch": torch}
    exec(compile(fixed, "model.py", "exec"), namespace)
    state = namespace["get_student_model"]().state_dict()
    evidence, _ = graded(quick(hw13), sandbox, safetensors.torch.save(state), fixed)
    assert len(evidence.curve) == 3


def test_fault_of_ours_in_the_curve_costs_no_points(
    hw13: Assignment, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise OSError("the evaluation data are gone")

    monkeypatch.setattr(data, "load", broken)
    _, score = graded(quick(hw13), sandbox, safetensors.torch.save(baseline_weights()))
    assert (score.verdict, score.score) == (Verdict.NEEDS_REVIEW, 1.0)
    assert "weights.not_measured" in {note.id for note in score.messages}
