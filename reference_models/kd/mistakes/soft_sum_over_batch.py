"""The KL term summed over the batch, not divided by its size."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.sum_over_batch",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="sum",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss,)
