"""Student and teacher exchanged in both terms."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

ID = "kd.roles_exchanged"


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = soft_term(teacher_logits, student_logits, temperature)
    return alpha * soft + (1 - alpha) * hard_term(teacher_logits, labels)


LOSSES = (loss,)
