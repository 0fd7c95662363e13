"""The KL term left as a matrix or as one number an example."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.not_reduced",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="none",
    )
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


def one_number_an_example(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.kl_div(
        F.log_softmax(student_logits / temperature, dim=1),
        F.softmax(teacher_logits / temperature, dim=1),
        reduction="none",
    ).sum(dim=1)
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss, one_number_an_example)
