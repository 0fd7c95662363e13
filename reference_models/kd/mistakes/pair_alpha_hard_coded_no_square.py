"""A weight written into the code, and no factor T^2."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = (
    "kd.alpha_hard_coded",
    "kd.soft_term.temperature_squared_missing",
)
VALUES = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99)


def with_weight(
    fixed: float,
    student_logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="batchmean",
    )
    return fixed * soft + (1 - fixed) * hard_term(student_logits, labels)


LOSSES = tuple(partial(with_weight, value) for value in VALUES)
