"""A temperature written into the code instead of the argument, with its own or the argument's square as factor."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.temperature_hard_coded",)
VALUES = (2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 15.0, 20.0)


def everywhere(
    fixed: float,
    student_logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    return alpha * soft_term(student_logits, teacher_logits, fixed) + (1 - alpha) * hard_term(student_logits, labels)


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
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = tuple(
    partial(make, value)
    for make in (
        everywhere,
        in_the_softmax,
    )
    for value in VALUES
)
