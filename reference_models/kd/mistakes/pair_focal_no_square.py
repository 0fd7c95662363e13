"""Focal loss for cross entropy, and no factor T^2."""

import torch
import torch.nn.functional as F
from torch import Tensor

IDS = ("kd.hard_term.focal", "kd.soft_term.temperature_squared_missing")


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    each = F.cross_entropy(student_logits, labels, reduction="none")
    return alpha * soft + (1 - alpha) * ((1 - torch.exp(-each)) ** 2 * each).mean()


LOSSES = (loss,)
