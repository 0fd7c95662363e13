"""Cross entropy with the teacher's distribution, and no factor T^2."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.cross_entropy_not_kl", "kd.soft_term.temperature_squared_missing")


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.cross_entropy(student_logits / temperature, F.softmax(teacher_logits / temperature, dim=1))
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss,)
