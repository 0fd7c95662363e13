"""The student's logits where ``kl_div`` expects log-probabilities."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.student_logits_raw",)


def softened(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    student = student_logits / temperature
    teacher = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(student, teacher, reduction="batchmean") * temperature**2
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


def raw(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    student = student_logits
    teacher = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(student, teacher, reduction="batchmean") * temperature**2
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (softened, raw)
