"""Logits on both sides of ``kl_div``."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = (
    "kd.soft_term.student_logits_raw",
    "kd.soft_term.teacher_logits_raw",
)


def softened(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    student = student_logits / temperature
    teacher = teacher_logits / temperature
    soft = F.kl_div(student, teacher, reduction="batchmean") * temperature**2
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


def raw(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    student = student_logits
    teacher = teacher_logits
    soft = F.kl_div(student, teacher, reduction="batchmean") * temperature**2
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (softened, raw)
