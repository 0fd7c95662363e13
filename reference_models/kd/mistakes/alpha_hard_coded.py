"""A weight written into the code instead of the argument."""

from functools import partial

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.alpha_hard_coded",)
VALUES = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99)


def with_weight(
    fixed: float,
    student_logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    soft = soft_term(student_logits, teacher_logits, temperature)
    return fixed * soft + (1 - fixed) * hard_term(student_logits, labels)


LOSSES = tuple(partial(with_weight, value) for value in VALUES)
