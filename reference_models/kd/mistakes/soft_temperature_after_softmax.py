"""Probabilities, or their logarithms, divided by the temperature in place of the logits."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.recipe import Recipe, identity

ID = "kd.soft_term.temperature_after_softmax"


def log_softmax_divided(logits: Tensor, temperature: float) -> Tensor:
    return F.log_softmax(logits, dim=1) / temperature


def softmax_divided(logits: Tensor, temperature: float) -> Tensor:
    return F.softmax(logits, dim=1) / temperature


LOSSES = (
    Recipe(
        "both_sides",
        scale_student=log_softmax_divided,
        input_form=identity,
        scale_teacher=softmax_divided,
        target_form=identity,
    ),
    Recipe("student_side", scale_student=log_softmax_divided, input_form=identity),
    Recipe("teacher_side", scale_teacher=softmax_divided, target_form=identity),
)
