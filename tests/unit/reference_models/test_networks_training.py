from __future__ import annotations

import pytest
import torch
from torch import nn

from grader import data
from reference_models.networks import BaselineStudent
from reference_models.training import BatchLoss, Schedule, accuracy, augment, distillation, logits, train

SCHEDULE = Schedule(epochs=2, learning_rate=0.005, batch=16, weight_decay=0.01, seed=4)


@pytest.fixture(scope="module")
def examples() -> tuple[torch.Tensor, torch.Tensor]:
    split = data.load().train
    return torch.from_numpy(split.images(slice(66), 48)), torch.from_numpy(split.labels[:66])


def trained_student(images: torch.Tensor, loss: BatchLoss) -> tuple[nn.Module, list[float]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    student, losses = BaselineStudent(), list[float]()
    try:
        train(student, images, loss, SCHEDULE, lambda _epoch, value: losses.append(value))
    finally:
        torch.set_num_threads(threads)
    return student, losses


def test_training_twice_gives_the_same_bits(examples: tuple[torch.Tensor, torch.Tensor]) -> None:
    images, labels = examples
    loss = distillation(labels, torch.randn(66, 11, generator=torch.Generator().manual_seed(1)), 0.7, 4.0)
    first, losses = trained_student(images, loss)
    second, other_losses = trained_student(images, loss)
    assert losses == other_losses
    assert len(losses) == SCHEDULE.epochs
    for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_training_learns(examples: tuple[torch.Tensor, torch.Tensor]) -> None:
    images, labels = examples
    _, losses = trained_student(images, distillation(labels, torch.zeros(66, 11), 0.0, 1.0))
    assert losses[-1] < losses[0]


def test_distillation_is_the_documented_sum() -> None:
    generator = torch.Generator().manual_seed(2)
    student, teacher = torch.randn(2, 4, 11, generator=generator, dtype=torch.float64)
    labels, batch = torch.tensor([3, 0, 10, 7, 2, 2]), torch.tensor([4, 1, 0, 3])
    teacher_logits = torch.zeros(6, 11, dtype=torch.float64)
    teacher_logits[batch] = teacher
    value = distillation(labels, teacher_logits, alpha=0.3, temperature=2.0)(student, batch)
    p, q = torch.softmax(teacher / 2, 1), torch.softmax(student / 2, 1)
    soft = (p * (p / q).log()).sum(1).mean()
    hard = -torch.log_softmax(student, 1)[torch.arange(4), labels[batch]].mean()
    assert float(value) == pytest.approx(float(0.3 * 4 * soft + 0.7 * hard), rel=1e-12)


def test_augmented_images_differ_from_the_stored_ones_but_keep_their_shape(
    examples: tuple[torch.Tensor, torch.Tensor],
) -> None:
    images, _ = examples
    changed = augment(images, torch.Generator().manual_seed(3))
    assert changed.shape == images.shape
    assert torch.isfinite(changed).all()
    assert all(not torch.equal(one, other) for one, other in zip(images, changed, strict=True))
    assert torch.equal(changed, augment(images, torch.Generator().manual_seed(3)))


def test_accuracy_counts_the_largest_logit() -> None:
    predicted = torch.tensor([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0], [5.0, 1.0]])
    assert accuracy(predicted, torch.tensor([1, 0, 0, 0])) == 0.75


def test_logits_are_computed_in_eval_mode(examples: tuple[torch.Tensor, torch.Tensor]) -> None:
    images, _ = examples
    student = BaselineStudent()
    torch.testing.assert_close(logits(student, images)[:2], logits(student, images[:2]))
