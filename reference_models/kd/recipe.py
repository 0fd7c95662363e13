"""A distillation loss in parts: a known mistake replaces some of them, and mistakes made together replace all of those.

With ``F.kl_div(input, target)`` as PyTorch documents it, the loss of a recipe is::

    soft = factor(T) * divergence(input_form(scale_student(student, T)), target_form(scale_teacher(teacher, T)))
    hard = hard_term(student, labels, T)
    loss = weight_soft * soft + weight_hard * hard,   where  weight_soft, weight_hard = weights(alpha)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import partial, reduce
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd import reference

log_probabilities = partial(F.log_softmax, dim=1)
probabilities = partial(F.softmax, dim=1)
mean_over_batch = partial(F.kl_div, reduction="batchmean")


def identity(tensor: Tensor) -> Tensor:
    return tensor


def divided(logits: Tensor, temperature: float) -> Tensor:
    return logits / temperature


def unscaled(logits: Tensor, temperature: float) -> Tensor:
    return logits


def multiplied(logits: Tensor, temperature: float) -> Tensor:
    return logits * temperature


def no_factor(temperature: float) -> float:
    return 1.0


def hard_term(student_logits: Tensor, labels: Tensor, temperature: float) -> Tensor:
    return reference.hard_term(student_logits, labels)


@dataclass(frozen=True)
class Recipe:
    """One loss, called as a `reference_models.kd.reference.Loss`. The defaults are the right parts."""

    variant: str = ""
    """The name of this way to make the mistake, where there are several."""
    scale_student: Callable[[Tensor, float], Tensor] = divided
    """Of logits ``(N, C)`` and the temperature."""
    scale_teacher: Callable[[Tensor, float], Tensor] = divided
    input_form: Callable[[Tensor], Tensor] = log_probabilities
    target_form: Callable[[Tensor], Tensor] = probabilities
    is_direction_swapped: bool = False
    """The teacher is the input and the student the target."""
    divergence: Callable[[Tensor, Tensor], Tensor] = mean_over_batch
    """Of input and target ``(N, C)``."""
    factor: Callable[[float], float] = lambda temperature: temperature**2
    """Of the temperature; multiplies the soft term."""
    hard_term: Callable[[Tensor, Tensor, float], Tensor] = hard_term
    """Of the student's logits ``(N, C)``, labels ``(N,)`` and the temperature."""
    weights: Callable[[float], tuple[float, float]] = lambda alpha: (alpha, 1 - alpha)
    """Of alpha: the weights of the soft term and of the hard term."""

    def __call__(
        self, student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
    ) -> Tensor:
        sides = [self.scale_student(student_logits, temperature), self.scale_teacher(teacher_logits, temperature)]
        if self.is_direction_swapped:
            sides.reverse()
        soft = self.factor(temperature) * self.divergence(self.input_form(sides[0]), self.target_form(sides[1]))
        weight_soft, weight_hard = self.weights(alpha)
        return weight_soft * soft + weight_hard * self.hard_term(student_logits, labels, temperature)

    def changes(self) -> dict[str, Any]:
        """The parts by name that are not the right ones."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)[1:]}
        return {name: part for name, part in parts.items() if part is not getattr(Recipe, name)}


def combinations(mistakes: Iterable[tuple[Recipe, ...]]) -> tuple[Recipe, ...]:
    """The losses that make several mistakes at once, each given by its variants.

    Where two mistakes have several variants, those of the same name go together. Variants that replace the same part
    are no combination. Raises ``ValueError`` when nothing is left.
    """
    losses = reduce(_combine, mistakes)
    if not losses:
        raise ValueError("these mistakes replace the same part of the loss")
    return losses


def _combine(one: tuple[Recipe, ...], other: tuple[Recipe, ...]) -> tuple[Recipe, ...]:
    have_variants = len(one) > 1 and len(other) > 1
    return tuple(
        Recipe(first.variant or second.variant, **first.changes(), **second.changes())
        for first in one
        for second in other
        if not (have_variants and first.variant != second.variant)
        and first.changes().keys().isdisjoint(second.changes())
    )
