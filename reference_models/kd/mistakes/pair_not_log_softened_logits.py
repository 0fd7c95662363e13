"""Probabilities on the student's side, and softened logits in the cross entropy."""

import torch.nn.functional as F
from torch import Tensor

IDS = ("kd.soft_term.probabilities_not_log", "kd.hard_term.softened_logits")


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits / temperature, labels)


LOSSES = (loss,)
