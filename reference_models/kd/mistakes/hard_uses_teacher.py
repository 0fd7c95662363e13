"""The cross entropy of the teacher's logits instead of the student's."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

ID = "kd.hard_term.uses_teacher"


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = hard_term(teacher_logits, labels)
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = (loss,)
