"""Question 3.1 measured on the artefact: with uploaded weights, with distilled ones, and when something is wrong."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image, ImageDraw
from torch import nn
from torch.nn.utils import prune

from grader import data, messages, pipeline, scoring
from grader.assignment import Assignment
from grader.checks.choice import speed
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.pruning import later
from grader.checks.pruning.evidence import PruningEvidence
from grader.data import dataset
from grader.sandbox.harness.export import onnx_bytes
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from grader.submission import Part, SubmittedParts
from reference_models import trained
from reference_models.networks import trained_baseline_student
from reference_models.training import accuracy, logits
from tests import slices
from tests.integration.budgets import on_food11, quick
from tests.integration.pictures import import_colours
from tests.integration.service import MODEL as SMALL

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
    grading = pipeline.grade(assignment, SubmittedParts(parts), sandbox)
    evidence = grading.evidence["3.1"]
    assert isinstance(evidence, PruningEvidence)
    times = grading.evidence["3.2"]
    assert isinstance(times, ChoiceEvidence)
    # On a busy machine there may be no proof, but never a wrong one.
    if times.seconds_unpruned is not None or times.seconds_pruned_90 is not None:
        assert speed.are_same(times.seconds_unpruned or 0.0, times.seconds_pruned_90 or 0.0)
    return evidence, scoring.score(assignment, "3.1", evidence)


def baseline_weights() -> dict[str, torch.Tensor]:
    """The shipped baseline student's weights under the names of the model above."""
    ours = trained_baseline_student().state_dict()
    namespace: dict[str, Any] = {"nn": torch.nn}
    exec(compile(MODEL, "model.py", "exec"), namespace)
    theirs = namespace["get_student_model"]().state_dict()
    assert [tuple(v.shape) for v in ours.values()] == [tuple(v.shape) for v in theirs.values()]
    return dict(zip(theirs, ours.values(), strict=True))


def small_weights() -> bytes:
    """Untrained weights of the small model."""
    namespace: dict[str, Any] = {}
    exec(compile(SMALL, "model.py", "exec"), namespace)
    return safetensors.torch.save(namespace["get_student_model"]().state_dict())


def test_proof_for_inference_speed_is_measured_in_a_sandbox(sandbox: Sandbox) -> None:
    namespace: dict[str, Any] = {"nn": torch.nn}
    exec(compile(MODEL, "model.py", "exec"), namespace)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        artefact = onnx_bytes(namespace["get_student_model"]().eval(), [3, 64, 64], dynamic=True)
    image = np.zeros((1, 3, 64, 64), np.float32)
    with sandbox.child(role="measure") as child:
        proofs = [speed.times(child, artefact, image) for _ in range(3)]
    assert any(proof is not None for proof in proofs)
    assert all(proof is None or speed.are_same(*proof) for proof in proofs)


def test_curve_of_uploaded_weights_is_measured(hw13: Assignment, sandbox: Sandbox) -> None:
    evidence, score = graded(quick(hw13), sandbox, safetensors.torch.save(baseline_weights()))
    assert evidence.weights == "uploaded"
    assert [point["ratio"] for point in evidence.curve] == [0.0, 0.5, 0.9]
    measured = [point["accuracy"] for point in evidence.curve]
    known = trained.result()["baseline_student"]["accuracy"]["hidden"]
    assert evidence.curve[0]["low"] < known < evidence.curve[0]["high"]
    assert measured[0] > measured[2]
    assert evidence.images is not None
    assert evidence.images >= later.FEWEST_IMAGES
    assert evidence.reference_curve
    assert (evidence.data, evidence.image_size, evidence.baseline) == ("food11-mini", 64, None)
    assert evidence.baselines == {}, "those of hw13 were reached on the real set"
    assert len(evidence.confusion) == len(evidence.class_names) == 11
    assert sum(map(sum, evidence.confusion)) == evidence.images
    right = sum(row[i] for i, row in enumerate(evidence.confusion))
    assert right / evidence.images == measured[0]
    assert min(map(sum, evidence.confusion)) >= evidence.images // 11 - 1
    assert (score.verdict, score.score) == (Verdict.NEEDS_REVIEW, 1.0)
    assert {"pruning.curve.uploaded", "weights.loaded"} <= {note.id for note in score.messages}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        pytest.param(b"these are no weights", "weights.unreadable", marks=pytest.mark.thorough),
        (safetensors.torch.save({"fc.weight": torch.zeros(11, 100)}), "weights.do_not_fit"),
    ],
)
def test_weights_that_do_not_fit_cost_no_points(
    hw13: Assignment, sandbox: Sandbox, weights: bytes, message: str
) -> None:
    evidence, score = graded(quick(hw13), sandbox, weights, SMALL)
    assert evidence.curve == ()
    assert score.score == 1.0
    assert message in {note.id for note in score.messages}


LOSS = """
def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    T = temperature
    soft = F.kl_div(F.log_softmax(student_logits / T, 1), F.log_softmax(teacher_logits / T, 1),
                    reduction="batchmean", log_target=True)
    return alpha * T ** 2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
"""
"""The reference, written as our own training writes it: every bit must come out the same."""


def test_distillation_gives_the_same_curve_twice_and_the_students_loss_trains_the_same_model(
    hw13: Assignment, sandbox: Sandbox
) -> None:
    small = quick(hw13, distillation_flops="4e10", own_loss_flops="4e10")
    first, score = graded(small, sandbox, loss=LOSS)
    second, _ = graded(small, sandbox, loss=LOSS)
    assert first.weights == "distilled"
    assert first.curve == second.curve
    assert first.training_steps == 21
    assert first.image_size == 24
    assert "pruning.curve.distilled" in {note.id for note in score.messages}
    assert first.own_loss is not None
    assert first.own_loss == second.own_loss
    point = first.curve[0]
    assert (first.own_loss.accuracy, first.own_loss.low) == (point["accuracy"], point["low"])
    assert "weights.loaded" not in {note.id for note in score.messages}, "nobody handed them in"
    assert "pruning.own_loss.trained" in {note.id for note in score.messages}


@pytest.mark.parametrize(
    ("worse", "told"),
    [
        pytest.param("alpha * 0 * soft", "pruning.own_loss.trained", marks=pytest.mark.thorough),
        ("(soft * float('nan') if len(labels) > 12 else soft)", "pruning.own_loss.diverged"),
        pytest.param(
            "(soft if len(labels) < 12 else missing_name)", "pruning.own_loss.failed", marks=pytest.mark.thorough
        ),
    ],
)
def test_a_loss_that_trains_worse_or_not_at_all_is_told(
    hw13: Assignment, sandbox: Sandbox, worse: str, told: str
) -> None:
    small = quick(hw13, ratios="[0.0]", distillation_flops="1.6e10", own_loss_flops="1.6e10")
    evidence, score = graded(small, sandbox, loss=LOSS.replace("alpha * T ** 2 * soft", worse))
    assert told in {note.id for note in score.messages}
    assert (score.verdict, score.score) == (Verdict.NEEDS_REVIEW, 1.0)
    assert evidence.own_loss is not None
    if told.endswith("trained"):
        assert evidence.own_loss.accuracy != evidence.curve[0]["accuracy"]
    else:
        assert evidence.own_loss.accuracy is None
        assert ("NameError" in evidence.own_loss.error) == told.endswith("failed")


@pytest.mark.thorough
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


HEADS = {
    "a VGG's head": ("nn.AdaptiveAvgPool2d(7)", "nn.Linear(4 * 49, 11)", 32),
    "flattened as it is": ("nn.Identity()", "nn.Linear(4 * 14 * 14, 11)", 224),
}


@pytest.mark.parametrize("head", slices.every(2, HEADS))
def test_export_that_takes_one_size_is_made_for_the_size_of_the_training(
    hw13: Assignment, sandbox: Sandbox, head: str
) -> None:
    pool, linear, size = HEADS[head]
    model = f"""
class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(3, 4, 16, stride=16), nn.ReLU(), {pool})
        self.fc = {linear}
    def forward(self, x):
        return self.fc(self.cnn(x).flatten(1))
def get_student_model():
    return StudentNet()
"""
    evidence, score = graded(quick(hw13, distillation_flops="1e9"), sandbox, model=model)
    assert len(evidence.curve) == 3, score.messages
    assert (evidence.weights, evidence.image_size) == ("distilled", size)


def test_model_that_cannot_be_trained_here_is_told_why(hw13: Assignment, sandbox: Sandbox) -> None:
    one_by_one = SMALL.replace(
        "    def forward(self, x):",
        """    def forward(self, x):
        if self.training and len(x) > 2:
            raise ValueError("two pictures at most")""",
    )
    evidence, score = graded(quick(hw13, distillation_flops="1e9"), sandbox, model=one_by_one)
    assert (evidence.curve, score.score) == ((), 1.0)
    (told,) = [note for note in score.messages if note.id == "weights.not_trained"]
    assert "ValueError: two pictures at most" in messages.render(told)


def test_imported_set_is_measured_on_at_its_own_size(
    hw13: Assignment, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_colours(tmp_path, tmp_path / "data")
    real = on_food11(quick(hw13, distillation_flops="1e9"))
    weights = small_weights()
    _, score = graded(real, sandbox, weights, SMALL)
    assert "weights.not_measured" in {note.id for note in score.messages}  # nothing was imported yet
    monkeypatch.setattr(dataset, "_imported", None)
    data.use(tmp_path / "data")
    evidence, _ = graded(real, sandbox, weights, SMALL)
    assert (evidence.data, evidence.images, evidence.image_size) == ("food11", 22, 224)
    assert evidence.data_digest == data.load("food11").digest
    assert evidence.baselines == hw13.baselines
    assert [sum(row) for row in evidence.confusion] == [2] * 11
    assert evidence.reference_curve == ()  # the teacher was measured on other pictures
    evidence, _ = graded(real, sandbox, None, SMALL)
    assert evidence.curve == ()  # and has no answers for these to learn from


@pytest.mark.parametrize("stage", ["first", "later"])
def test_fault_of_ours_costs_no_points_of_the_curve(
    hw13: Assignment, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    load = data.load

    def broken(*names: str) -> Any:
        if names or stage == "first":  # the first stage confirms the model on the built-in pictures
            raise OSError("the evaluation data are gone")
        return load()

    monkeypatch.setattr(data, "load", broken)
    _, score = graded(quick(hw13), sandbox, small_weights(), SMALL)
    assert (score.verdict, score.score) == (Verdict.NEEDS_REVIEW, 1.0)
    assert {note.id for note in score.messages} == {"pruning.provisional", "weights.not_measured"}


SLIPS: dict[str, Callable[[nn.Module, float], None]] = {
    "pruning.points.agree": lambda network, ratio: _prune(_restored(network), ratio),
    "pruning.points.compounded": lambda network, ratio: _prune(network, ratio),
    "pruning.points.first_layer": lambda network, ratio: _prune(_restored(network), ratio, only_first=True),
}


def _restored(network: nn.Module) -> nn.Module:
    """Unpruned again, as before the first ratio."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and prune.is_pruned(module):
            original = module.get_parameter("weight_orig").detach().clone()
            prune.remove(module, "weight")  # type: ignore[no-untyped-call]
            module.weight = nn.Parameter(original)
    return network


def _prune(network: nn.Module, ratio: float, *, only_first: bool = False) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            prune.l1_unstructured(module, "weight", amount=ratio)  # type: ignore[no-untyped-call]
            if only_first:
                return


@pytest.mark.parametrize("slip", slices.every(3, reversed(SLIPS)))
def test_points_of_a_students_own_loop_are_recognised(hw13: Assignment, sandbox: Sandbox, slip: str) -> None:
    network = trained_baseline_student()
    images, labels = data.load().hidden, data.load().hidden.labels
    chosen = np.arange(0, 550, 5)
    inputs = torch.from_numpy(images.images(chosen, 64))
    lines = ["ratio,accuracy"]
    for ratio in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7):
        SLIPS[slip](network, ratio)
        lines.append(f"{ratio},{accuracy(logits(network, inputs), torch.from_numpy(labels[chosen])):.4f}")
    ratios = "[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]"
    weights = safetensors.torch.save(baseline_weights())
    evidence, score = graded(quick(hw13, ratios=ratios), sandbox, weights, pruning_points="\n".join(lines))
    assert slip in {note.id for note in score.messages}, evidence.points_check
    assert (score.verdict, score.score) == (Verdict.NEEDS_REVIEW, 1.0)
    assert bool(evidence.first_layer_curve) == (slip != "pruning.points.agree")
