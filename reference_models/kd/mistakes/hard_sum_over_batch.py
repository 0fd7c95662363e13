"""The cross entropy summed over the batch, not divided by its size."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import soft_term

IDS = ("kd.hard_term.sum_over_batch",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = F.cross_entropy(student_logits, labels, reduction="sum")
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = (loss,)
