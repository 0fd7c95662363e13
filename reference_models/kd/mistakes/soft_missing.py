"""There is no soft term."""

from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.missing",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    return (1 - alpha) * hard_term(student_logits, labels)


def unweighted(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    return hard_term(student_logits, labels)


LOSSES = (loss, unweighted)
