"""A temperature written into the code, and no factor for it."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = (
    "kd.temperature_hard_coded",
    "kd.soft_term.temperature_squared_missing",
)
VALUES = (2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 15.0, 20.0)


def in_the_softmax(
    fixed: float,
    student_logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / fixed, dim=1), F.softmax(teacher_logits / fixed, dim=1), reduction="batchmean"
    )
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = tuple(partial(in_the_softmax, value) for value in VALUES)
