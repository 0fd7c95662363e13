"""The teacher's most likely class instead of its distribution."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.teacher_argmax",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.cross_entropy(student_logits / temperature, teacher_logits.argmax(dim=1))
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


def unscaled(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.cross_entropy(student_logits / temperature, teacher_logits.argmax(dim=1))
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


def plain(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.cross_entropy(student_logits, teacher_logits.argmax(dim=1))
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss, unscaled, plain)
