"""The bank of known mistakes: every module in `reference_models.kd.mistakes`, discovered by listing the folder.

A mistake is a module with ``IDS``, the message ids of what is wrong (two or three where mistakes occur together), and
``LOSSES``, the losses that make exactly this mistake. A new known mistake is a new module there, a text for its id,
and a new table (`reference_models.kd.tabulate`).
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from reference_models.kd import correct, mistakes
from reference_models.kd.cases import Case
from reference_models.kd.reference import Loss


@dataclass(frozen=True)
class Mistake:
    """One known mistake, or several made together; ``name`` is its module's."""

    name: str
    ids: tuple[str, ...]
    losses: tuple[Loss, ...]


def known() -> tuple[Mistake, ...]:
    """All known mistakes: first those made alone, then those made together, each by name."""
    found = [
        Mistake(module.__name__.rpartition(".")[2], tuple(module.IDS), tuple(module.LOSSES))
        for module in _modules(mistakes)
    ]
    return tuple(sorted(found, key=lambda mistake: (len(mistake.ids), mistake.name)))


def correct_styles() -> dict[str, Loss]:
    """Correct losses in every style met so far, by ``module.function``."""
    return {
        f"{module.__name__.rpartition('.')[2]}.{loss.__name__}": loss
        for module in _modules(correct)
        for loss in module.LOSSES
    }


def evaluate(
    loss: Loss, case: Case, dtype: torch.dtype = torch.float64
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Value and gradient ``(N, C)`` with respect to the student's logits, both as float64.

    The value is None when no tensor came back; the gradient is None when there is none or the value is no scalar.
    """
    student = torch.tensor(case.inputs.student, dtype=dtype, requires_grad=True)
    teacher = torch.tensor(case.inputs.teacher, dtype=dtype)
    # The model's output is never a leaf in training; a leaf would forbid in-place arithmetic on it.
    value = loss(student * 1, torch.tensor(case.inputs.labels), teacher, case.alpha, case.temperature)
    if value is None:
        return None, None
    gradient = None
    if value.numel() == 1 and value.requires_grad:
        (gradient,) = torch.autograd.grad(value.sum(), student, allow_unused=True)
    return _array(value), None if gradient is None else _array(gradient)


def _array(tensor: torch.Tensor) -> NDArray[np.float64]:
    return np.asarray(tensor.detach().numpy(), dtype=np.float64)


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{found.name}")
