"""Mean squared error or binary cross entropy with one-hot labels, instead of cross entropy."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import soft_term

IDS = ("kd.hard_term.other_loss",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = F.mse_loss(
        F.softmax(student_logits, dim=1), F.one_hot(labels, student_logits.shape[1]).to(student_logits.dtype)
    )
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


def binary(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = F.binary_cross_entropy_with_logits(
        student_logits, F.one_hot(labels, student_logits.shape[1]).to(student_logits.dtype)
    )
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = (loss, binary)
