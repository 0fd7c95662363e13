"""The cross entropy of one-hot labels averaged over N * C elements instead of over N examples."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import soft_term

IDS = ("kd.hard_term.mean_over_elements",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = -(F.one_hot(labels, student_logits.shape[1]) * F.log_softmax(student_logits, dim=1)).mean()
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = (loss,)
