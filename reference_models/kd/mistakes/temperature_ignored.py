"""The temperature is not used at all."""

from torch import Tensor

from reference_models.kd.reference import hard_term, soft_term

IDS = ("kd.temperature_ignored",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = soft_term(student_logits, teacher_logits, 1.0)
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss,)
