"""The soft term has no weight ``alpha``."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.alpha_missing_on_soft_term",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    return soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss,)
