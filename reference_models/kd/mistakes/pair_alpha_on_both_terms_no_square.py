"""Both terms have the weight ``alpha``, and no factor T^2."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.alpha_on_both_terms", "kd.soft_term.temperature_squared_missing")


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * (soft + hard_term(student_logits, labels))


LOSSES = (loss,)
