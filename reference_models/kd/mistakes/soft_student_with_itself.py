"""The student is compared with itself: the soft term is always zero."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

ID = "kd.soft_term.student_with_itself"


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(student_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss,)
