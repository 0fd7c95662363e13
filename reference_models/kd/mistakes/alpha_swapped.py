"""``alpha`` weighs the hard term and ``1 - alpha`` the soft one."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.alpha_swapped",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    return (1 - alpha) * soft_term(student_logits, teacher_logits, temperature) + alpha * hard_term(
        student_logits, labels
    )


LOSSES = (loss,)
