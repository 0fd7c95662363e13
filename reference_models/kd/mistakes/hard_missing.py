"""There is no hard term."""

from torch import Tensor

from reference_models.kd.reference import soft_term

IDS = ("kd.hard_term.missing",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    return alpha * soft_term(student_logits, teacher_logits, temperature)


def unweighted(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    return soft_term(student_logits, teacher_logits, temperature)


LOSSES = (loss, unweighted)
