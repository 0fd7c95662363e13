"""Weights exchanged, and no temperature."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.alpha_swapped", "kd.temperature_ignored")


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(F.log_softmax(student_logits, dim=1), F.softmax(teacher_logits, dim=1), reduction="batchmean")
    return (1 - alpha) * soft + alpha * hard_term(student_logits, labels)


LOSSES = (loss,)
