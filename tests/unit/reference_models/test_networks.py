from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from grader import data
from reference_models import pruning, trained
from reference_models.networks import BaselineStudent, Teacher, trained_baseline_student, trained_teacher
from reference_models.training import accuracy, logits

SPLITS: tuple[Literal["train", "hidden"], ...] = ("train", "hidden")


@pytest.fixture(scope="module")
def hidden() -> tuple[torch.Tensor, torch.Tensor]:
    """Images ``(550, 3, 64, 64)`` and labels ``(550,)`` of the hidden split."""
    split = data.load().hidden
    return torch.from_numpy(split.images(slice(None), 64)), torch.from_numpy(split.labels)


def test_baseline_student_equals_that_of_the_homework() -> None:
    student = BaselineStudent()
    counts = [parameter.numel() for parameter in student.parameters()]
    assert sum(counts) == 87_907
    # The rows of the homework's summary: convolutions with bias and batch norms by turns, then the linear layer.
    rows = [sum(pair) for pair in zip(counts[::2], counts[1::2], strict=True)]
    assert rows == [896, 64, 9_248, 64, 18_496, 128, 57_700, 200, 1_111]
    shapes: list[tuple[int, ...]] = []
    for module in student.cnn:
        module.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
    assert student.eval()(torch.zeros(1, 3, 224, 224)).shape == (1, 11)
    pooled_shapes = [shapes[index] for index in (6, 10, 14, 15)]
    assert pooled_shapes == [(32, 110, 110), (64, 54, 54), (100, 26, 26), (100, 1, 1)]


@pytest.mark.parametrize("size", [64, 96, 224])
def test_teacher_takes_any_size(size: int) -> None:
    teacher = trained_teacher()
    with torch.inference_mode():
        assert teacher(torch.zeros(2, 3, size, size)).shape == (2, 11)


def test_teacher_has_the_parts_of_resnet18() -> None:
    from reference_models import vision

    resnet18 = vision.load().models.resnet18(num_classes=11)
    state, resnet18_state = Teacher().state_dict(), resnet18.state_dict()
    assert list(state) == list(resnet18_state)
    # The stem is 3 x 3 instead of 7 x 7; all other tensors have the same rank and the same kernels.
    kernels = {name for name in state if state[name].shape[2:] != resnet18_state[name].shape[2:]}
    assert kernels == {"conv1.weight"}


def test_shipped_files_stay_small() -> None:
    assert sum(path.stat().st_size for path in trained.FOLDER.glob("*.safetensors")) < 3_000_000


def test_recorded_result_belongs_to_these_data_and_networks() -> None:
    recorded, built_in = trained.result(), data.load()
    assert recorded["data"] == {"train": built_in.train.digest, "hidden": built_in.hidden.digest}
    assert recorded["teacher"]["parameters"] == sum(parameter.numel() for parameter in Teacher().parameters())
    assert recorded["baseline_student"]["parameters"] == 87_907


def test_networks_reach_their_recorded_accuracy(hidden: tuple[torch.Tensor, torch.Tensor]) -> None:
    """One picture more or less may be right, because another machine rounds otherwise."""
    images, labels = hidden
    recorded = trained.result()
    for network, name in ((trained_teacher(), "teacher"), (trained_baseline_student(), "baseline_student")):
        measured = accuracy(logits(network, images), labels)
        assert measured == pytest.approx(recorded[name]["accuracy"]["hidden"], abs=1.01 / len(labels))


def test_teacher_clearly_beats_the_student() -> None:
    recorded = trained.result()
    assert recorded["teacher"]["accuracy"]["hidden"] > recorded["baseline_student"]["accuracy"]["hidden"] + 0.05


def test_stored_logits_are_the_teacher_s(hidden: tuple[torch.Tensor, torch.Tensor]) -> None:
    images, _ = hidden
    stored = trained.teacher_logits("hidden")
    assert stored.dtype == np.float32
    assert logits(trained_teacher(), images[:100]).numpy() == pytest.approx(stored[:100], abs=0.02)


@pytest.mark.parametrize("split", SPLITS)
def test_stored_logits_follow_the_order_of_the_data(split: Literal["train", "hidden"]) -> None:
    stored, labels = trained.teacher_logits(split), getattr(data.load(), split).labels
    assert stored.shape == (len(labels), 11)
    assert (stored.argmax(1) == labels).mean() == trained.result()["teacher"]["accuracy"][split]


def test_train_logits_are_not_memorised_labels() -> None:
    """The teacher has not seen the train split: it makes mistakes there, fewer than on the harder hidden split."""
    accuracies = trained.result()["teacher"]["accuracy"]
    assert accuracies["hidden"] < accuracies["train"] < 0.995


def test_curve_starts_at_the_accuracy_and_ends_near_chance() -> None:
    curve = trained.pruning_curve()
    assert [point["ratio"] for point in curve] == [step / 20 for step in range(20)]
    assert curve[0]["accuracy"] == trained.result()["teacher"]["accuracy"]["hidden"]
    assert curve[5]["accuracy"] > curve[0]["accuracy"] - 0.05
    assert curve[-1]["accuracy"] < 0.3


def test_curve_equals_that_of_pytorch_s_pruning(hidden: tuple[torch.Tensor, torch.Tensor]) -> None:
    images, labels = hidden
    for point in trained.pruning_curve()[10:11]:
        measured = accuracy(logits(pruning.prune_convolutions(trained_teacher(), point["ratio"]), images), labels)
        assert measured == pytest.approx(point["accuracy"], abs=2.01 / len(labels))


def test_pruning_changes_only_weights_of_convolutions() -> None:
    teacher = trained_teacher()
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    for name, value in pruning.prune_convolutions(teacher, 0.5).state_dict().items():
        is_convolution = value.ndim == 4
        zeros = int((value == 0).sum())
        assert zeros == round(0.5 * value.numel()) if is_convolution else torch.equal(value, before[name]), name
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())


def test_files_are_readable_without_torch() -> None:
    assert set(load_file(trained.LOGITS)) == set(SPLITS)
    assert json.loads(Path(trained.CURVE).read_text()) == list(trained.pruning_curve())
