"""Both terms are added without weights, or with equal ones."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.alpha_ignored",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    return soft_term(student_logits, teacher_logits, temperature) + hard_term(student_logits, labels)


LOSSES = (loss,)
