"""The teacher's logits where ``kl_div`` expects probabilities: the logarithm of a negative number is NaN."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.teacher_logits_raw",)


def softened(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = teacher_logits / temperature
    soft = F.kl_div(student, teacher, reduction="batchmean") * temperature**2
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


def raw(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = teacher_logits
    soft = F.kl_div(student, teacher, reduction="batchmean") * temperature**2
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (softened, raw)
