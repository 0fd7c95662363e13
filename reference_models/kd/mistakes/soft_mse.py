"""The soft term compares logits or probabilities by mean squared error."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.reference import hard_term

IDS = ("kd.soft_term.mse",)


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.mse_loss(student_logits, teacher_logits)
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


def scaled(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = F.mse_loss(student_logits, teacher_logits)
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


def softened(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.mse_loss(student_logits / temperature, teacher_logits / temperature)
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


def probabilities(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.mse_loss(F.softmax(student_logits / temperature, dim=1), F.softmax(teacher_logits / temperature, dim=1))
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


def probabilities_scaled(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.mse_loss(F.softmax(student_logits / temperature, dim=1), F.softmax(teacher_logits / temperature, dim=1))
    return alpha * temperature**2 * soft + (1 - alpha) * hard_term(student_logits, labels)


def plain_probabilities(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    soft = F.mse_loss(F.softmax(student_logits, dim=1), F.softmax(teacher_logits, dim=1))
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)


LOSSES = (loss, scaled, softened, probabilities, probabilities_scaled, plain_probabilities)
