"""The cross entropy gets probabilities, though it applies a softmax itself."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import soft_term

IDS = ("kd.hard_term.softmax_before_cross_entropy",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = F.cross_entropy(F.softmax(student_logits, dim=1), labels)
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


def softened(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    hard = F.cross_entropy(F.softmax(student_logits / temperature, dim=1), labels)
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = (loss, softened)
