"""The hard term follows the teacher's predictions; the labels have no say."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import soft_term

ID = "kd.hard_term.labels_ignored"


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = F.cross_entropy(student_logits, teacher_logits.argmax(dim=1))
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


def distribution(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    hard = F.cross_entropy(student_logits, F.softmax(teacher_logits, dim=1))
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


def softened_distribution(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    hard = F.cross_entropy(student_logits, F.softmax(teacher_logits / temperature, dim=1))
    return alpha * soft_term(student_logits, teacher_logits, temperature) + (1 - alpha) * hard


LOSSES = (loss, distribution, softened_distribution)
