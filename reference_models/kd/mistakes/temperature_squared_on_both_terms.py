"""The factor T^2 multiplies the hard term too."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

ID = "kd.temperature_squared_on_both_terms"


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return temperature**2 * (alpha * soft + (1 - alpha) * hard_term(student_logits, labels))


LOSSES = (loss,)
