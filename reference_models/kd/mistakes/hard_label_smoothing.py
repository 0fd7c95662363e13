"""Cross entropy with smoothed labels."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import soft_term

IDS = ("kd.hard_term.label_smoothing",)
VALUES = (0.05, 0.1, 0.15, 0.2)


def with_smoothing(
    smoothing: float,
    student_logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    alpha: float,
    temperature: float,
) -> Tensor:
    hard = F.cross_entropy(student_logits, labels, label_smoothing=smoothing)
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = tuple(partial(with_smoothing, value) for value in VALUES)
