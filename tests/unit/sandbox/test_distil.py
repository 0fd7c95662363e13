"""The short training beside the student's code, in this process: models that only a first pass or one layout suits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from grader.checks.pruning import distillation
from grader.sandbox.harness.distil import Training
from grader.sandbox.harness.student_module import StudentModule

RNG = np.random.default_rng(5)
IMAGES = RNG.standard_normal((4, 3, 16, 16), np.float32)
TEACHER = RNG.standard_normal((4, 11), np.float32)
LABELS = np.arange(4, dtype=np.int64)


class _FiveDimensions(nn.Module):
    """A mixture of kernels, as dynamic convolution keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.kernels = nn.Parameter(torch.randn(2, 6, 4, 3, 3))
        self.head = nn.Linear(6, 11)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.conv2d(self.stem(x), self.kernels.mean(0))
        logits: torch.Tensor = self.head(x.relu().mean((2, 3)))
        return logits


def lazy() -> nn.Module:
    return nn.Sequential(
        nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LazyLinear(11)
    )


def viewed() -> nn.Module:
    class Viewed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.LazyLinear(11)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.head(self.conv(x).view(len(x), -1))
            return logits

    return Viewed()


def trained(model: Callable[[], nn.Module]) -> dict[str, torch.Tensor]:
    """The state dict after two steps."""
    student_module = StudentModule()
    student_module.namespace["get_student_model"] = model
    training = Training(student_module, StudentModule())
    meta: dict[str, Any] = {"entry": "get_student_model", "seed": 3, "steps": 2, "loss": None, **distillation.RECIPE}
    training.begin(meta, ())
    for _ in range(2):
        answer, _ = training.step({}, (IMAGES, TEACHER, LABELS))
        assert answer["loss"] is not None
    return safetensors.torch.load(training.end({}, ())[1][0].tobytes())


@pytest.mark.parametrize("model", [lazy, viewed, _FiveDimensions])
def test_model_is_trained_and_twice_alike(model: Callable[[], nn.Module]) -> None:
    first, second = trained(model), trained(model)
    assert all(torch.equal(first[name], second[name]) for name in first.keys() | second.keys())
    torch.manual_seed(3)
    fresh = model().train()
    fresh(torch.from_numpy(IMAGES))
    trained_names = [name for name, parameter in fresh.named_parameters() if not torch.equal(parameter, first[name])]
    assert trained_names == [name for name, _ in fresh.named_parameters()]


def test_the_learning_rate_rises_to_that_of_the_recipe_and_falls() -> None:
    student_module = StudentModule()
    student_module.namespace["get_student_model"] = lazy
    training = Training(student_module, StudentModule())
    steps = 12
    training.begin({"entry": "get_student_model", "seed": 3, "steps": steps, "loss": None, **distillation.RECIPE}, ())
    rates = []
    for _ in range(steps):
        training.step({}, (IMAGES, TEACHER, LABELS))
        assert training.optimizer is not None
        rates.append(training.optimizer.param_groups[0]["lr"])
    peak = rates.index(max(rates))
    assert rates[peak] == pytest.approx(distillation.RECIPE["learning_rate"])
    assert peak < steps / 2
    assert rates[-1] < rates[0] < rates[peak]
