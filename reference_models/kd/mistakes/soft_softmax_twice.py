"""A softmax of what a softmax has already made probabilities."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.softmax_twice"


def softmax_of_softened(logits: Tensor, temperature: float) -> Tensor:
    return F.softmax(logits / temperature, dim=1)


def softened_softmax(logits: Tensor, temperature: float) -> Tensor:
    return F.softmax(logits, dim=1) / temperature


LOSSES = (
    Recipe("student_side", scale_student=softmax_of_softened),
    Recipe("both_sides", scale_student=softmax_of_softened, scale_teacher=softmax_of_softened),
    Recipe("teacher_side", scale_teacher=softmax_of_softened),
    Recipe("softened_afterwards", scale_student=softened_softmax, scale_teacher=softened_softmax),
)
