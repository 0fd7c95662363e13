"""Logits times the temperature."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.temperature_multiplied",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    student = F.log_softmax(student_logits * temperature, dim=1)
    teacher = F.softmax(teacher_logits * temperature, dim=1)
    soft = F.kl_div(student, teacher, reduction="batchmean") * temperature**2
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss,)
