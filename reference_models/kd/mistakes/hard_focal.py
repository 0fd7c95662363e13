"""Focal loss (arXiv 1708.02002) instead of cross entropy."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.hard_term.focal",)
VALUES = (0.5, 1.0, 2.0, 5.0)


def with_gamma(
    gamma: float,
    student_logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    each = F.cross_entropy(student_logits, labels, reduction="none")
    hard = ((1 - torch.exp(-each)) ** gamma * each).mean()
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


def of_the_mean(
    gamma: float,
    student_logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    mean = hard_term(student_logits, labels)
    hard = (1 - torch.exp(-mean)) ** gamma * mean
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


def with_gamma_and_quarter(
    gamma: float,
    student_logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    each = F.cross_entropy(student_logits, labels, reduction="none")
    hard = (0.25 * (1 - torch.exp(-each)) ** gamma * each).mean()
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = tuple(
    partial(make, value)
    for make in (
        with_gamma,
        of_the_mean,
        with_gamma_and_quarter,
    )
    for value in VALUES
)
