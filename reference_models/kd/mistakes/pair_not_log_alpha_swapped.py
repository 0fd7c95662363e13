"""Probabilities on the student's side, and the weights exchanged."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.probabilities_not_log", "kd.alpha_swapped")


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return (1 - alpha) * temperature**2 * soft + alpha * hard_term(student_logits, labels)


LOSSES = (loss,)
