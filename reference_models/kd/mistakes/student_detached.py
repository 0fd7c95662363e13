"""The whole loss is computed from a detached student: right values, no gradient."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

ID = "kd.gradient.detached"


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    student_logits = student_logits.detach()
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard_term(
        student_logits, labels
    )


LOSSES = (loss,)
