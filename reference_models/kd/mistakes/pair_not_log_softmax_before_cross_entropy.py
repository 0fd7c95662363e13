"""Probabilities for log-probabilities in the soft term and for logits in the hard term."""

import torch.nn.functional as F
from torch import Tensor

IDS = ("kd.soft_term.probabilities_not_log", "kd.hard_term.softmax_before_cross_entropy")


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(
        F.softmax(student_logits / temperature, dim=1), labels
    )


def plain(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(F.softmax(student_logits, dim=1), labels)


LOSSES = (loss, plain)
