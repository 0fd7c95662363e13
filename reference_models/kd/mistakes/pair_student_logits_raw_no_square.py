"""The student's logits in ``kl_div``, without T^2."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = (
    "kd.soft_term.student_logits_raw",
    "kd.soft_term.temperature_squared_missing",
)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    student = student_logits / temperature
    teacher = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(student, teacher, reduction="batchmean")
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss,)
