"""The soft term compares the student with the labels; the teacher has no say."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

ID = "kd.soft_term.teacher_not_used"


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.cross_entropy(student_logits / temperature, labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


def unscaled(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.cross_entropy(student_logits / temperature, labels)
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss, unscaled)
