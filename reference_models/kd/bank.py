"""The bank of known mistakes: modules of `reference_models.kd.mistakes`, and rows of `reference_models.kd.pairs`.

A mistake is a module with ``ID``, the message id of what is wrong, and ``LOSSES``, the losses that make exactly this
mistake: a `Recipe` each where it lies in one part of the loss, a function where it does not. A new known mistake is a
new module, a text for its id, and a new table (`reference_models.kd.tabulate`); a new pair is a row and a new table.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from reference_models.kd import correct, mistakes
from reference_models.kd.cases import Case
from reference_models.kd.pairs import PAIRS
from reference_models.kd.recipe import Recipe, combinations
from reference_models.kd.reference import Loss


@dataclass(frozen=True)
class Mistake:
    """One known mistake, or several made together; ``name`` is that of its module or row."""

    name: str
    ids: tuple[str, ...]
    losses: tuple[Loss, ...]


def known_mistakes() -> tuple[Mistake, ...]:
    """All known mistakes: first those made alone, then those made together, each by name."""
    single = {_name(module): Mistake(_name(module), (module.ID,), module.LOSSES) for module in _modules(mistakes)}
    together = [_together(name, row, single) for name, row in PAIRS.items()]
    return tuple(sorted([*single.values(), *together], key=lambda mistake: (len(mistake.ids), mistake.name)))


def _together(name: str, row: tuple[str, ...], single: Mapping[str, Mistake]) -> Mistake:
    ids: list[str] = []
    variants: list[tuple[Recipe, ...]] = []
    for entry in row:
        module, _, names = entry.partition(":")
        recipes = {loss.variant: loss for loss in single[module].losses if isinstance(loss, Recipe)}
        ids += single[module].ids
        variants.append(tuple(recipes[variant] for variant in names.split(",")) if names else tuple(recipes.values()))
    return Mistake(name, tuple(ids), combinations(variants))


def correct_styles() -> dict[str, Loss]:
    """Correct losses in different styles, by ``module.function``."""
    return {f"{_name(module)}.{loss.__name__}": loss for module in _modules(correct) for loss in module.LOSSES}


def evaluate(
    loss: Loss, case: Case, dtype: torch.dtype = torch.float64
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Value and gradient ``(N, C)`` with respect to the student's logits, both as float64.

    The value is None when the loss returns none; the gradient is None when there is none or the value is no scalar.
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
    for module in pkgutil.iter_modules(package.__path__):
        yield importlib.import_module(f"{package.__name__}.{module.name}")


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]
