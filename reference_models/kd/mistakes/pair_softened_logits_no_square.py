"""Softened logits in the cross entropy, and no factor T^2."""

import torch.nn.functional as F
from torch import Tensor

IDS = ("kd.hard_term.softened_logits", "kd.soft_term.temperature_squared_missing")


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * soft + (1 - alpha) * F.cross_entropy(student_logits / temperature, labels)


LOSSES = (loss,)
