"""A softmax of what a softmax has already made probabilities."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.softmax_twice",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(F.softmax(student_logits / temperature, dim=1), dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


def both_sides(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(F.softmax(student_logits / temperature, dim=1), dim=1),
        F.softmax(F.softmax(teacher_logits / temperature, dim=1), dim=1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


def teacher_side(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(F.softmax(teacher_logits / temperature, dim=1), dim=1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


def softened_afterwards(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(F.softmax(student_logits, dim=1) / temperature, dim=1),
        F.softmax(F.softmax(teacher_logits, dim=1) / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss, both_sides, teacher_side, softened_afterwards)
