"""The common styles: ``kl_div`` and ``nn.KLDivLoss`` with different reductions and forms of the target."""

import torch.nn.functional as F
from torch import Tensor, nn


def batchmean(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.log_softmax(student_logits / temperature, dim=1)
    q = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(p, q, reduction="batchmean") * (temperature**2)
    return alpha * soft + (1.0 - alpha) * F.cross_entropy(student_logits, labels)


def module_objects(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = nn.LogSoftmax(dim=-1)(student_logits / temperature)
    q = nn.Softmax(dim=-1)(teacher_logits / temperature)
    soft: Tensor = nn.KLDivLoss(reduction="batchmean")(p, q) * (alpha * temperature * temperature)
    hard: Tensor = nn.CrossEntropyLoss()(student_logits, labels) * (1.0 - alpha)
    return soft + hard


def log_target(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.log_softmax(student_logits / temperature, dim=1)
    q = F.log_softmax(teacher_logits / temperature, dim=1)
    soft: Tensor = nn.KLDivLoss(reduction="batchmean", log_target=True)(p, q)
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def sum_over_size(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.log_softmax(student_logits / temperature, dim=1)
    q = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(p, q, reduction="sum") * temperature**2 / student_logits.shape[0]
    return soft * alpha + F.cross_entropy(student_logits, labels) * (1 - alpha)


def elementwise(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.log_softmax(student_logits / temperature, dim=1)
    q = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(p, q, reduction="none").sum(dim=1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def mean_times_classes(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.log_softmax(student_logits / temperature, dim=1)
    q = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(p, q, reduction="none").mean() * student_logits.size(1)
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def log_of_softmax(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.softmax(student_logits / temperature, dim=1).log()
    q = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(p, q, reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def in_double(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.log_softmax(student_logits.double() / temperature, dim=1)
    q = F.softmax(teacher_logits.double() / temperature, dim=1)
    soft = F.kl_div(p, q, reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def in_place(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    hard = F.cross_entropy(student_logits.clone(), labels)
    student_logits /= temperature
    teacher_logits /= temperature
    soft = F.kl_div(student_logits.log_softmax(1), teacher_logits.softmax(1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * hard


LOSSES = (
    batchmean,
    module_objects,
    log_target,
    sum_over_size,
    elementwise,
    mean_times_classes,
    log_of_softmax,
    in_double,
    in_place,
)
