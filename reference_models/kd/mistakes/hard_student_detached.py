"""The hard term is computed from a detached student: right value, no gradient."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.gradient.hard_term_detached",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = hard_term(student_logits.detach(), labels)
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = (loss,)
