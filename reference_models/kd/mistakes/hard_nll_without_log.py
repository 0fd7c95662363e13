"""``nll_loss`` of probabilities or of raw logits, where it expects log-probabilities."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import soft_term

IDS = ("kd.hard_term.nll_without_log",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = F.nll_loss(F.softmax(student_logits, dim=1), labels)
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


def raw_logits(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    hard = F.nll_loss(student_logits, labels)
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = (loss, raw_logits)
