"""The hard term has no weight ``1 - alpha``."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.alpha_missing_on_hard_term",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    return alpha * soft_term(student_logits, teacher_logits, temperature) + hard_term(student_logits, labels)


LOSSES = (loss,)
