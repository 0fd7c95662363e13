"""Both terms have one weight, ``alpha`` or ``1 - alpha``."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.alpha_on_both_terms",)


def alpha_twice(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    return alpha * soft_term(student_logits, teacher_logits, temperature) + alpha * hard_term(student_logits, labels)


def rest_twice(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    return (1 - alpha) * (soft_term(student_logits, teacher_logits, temperature) + hard_term(student_logits, labels))


LOSSES = (alpha_twice, rest_twice)
