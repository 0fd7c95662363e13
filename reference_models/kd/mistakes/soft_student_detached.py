"""The soft term is computed from a detached student: right value, no gradient."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.gradient.soft_term_detached",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = soft_term(student_logits.detach(), teacher_logits, temperature)
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss,)
