"""The whole loss with the wrong sign."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

ID = "kd.sign_flipped"


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    return -(
        alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard_term(student_logits, labels)
    )


LOSSES = (loss,)
