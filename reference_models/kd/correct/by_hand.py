"""Styles without ``kl_div``: explicit sums, epsilons against log(0), distributions, cross entropies."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Categorical, kl_divergence


def logarithms_apart(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.softmax(student_logits / temperature, dim=1)
    q = F.softmax(teacher_logits / temperature, dim=1)
    soft = (q * (q.log() - p.log())).sum(1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def logarithm_of_quotient(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = torch.exp(student_logits / temperature)
    p = p / p.sum(dim=1, keepdim=True)
    q = torch.exp(teacher_logits / temperature)
    q = q / q.sum(dim=1, keepdim=True)
    soft = torch.sum(q * torch.log(q / p)) / len(labels)
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def small_epsilon(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.softmax(student_logits / temperature, dim=1)
    q = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div((p + 1e-8).log(), q, reduction="batchmean")
    hard = F.nll_loss(torch.log(F.softmax(student_logits, dim=1) + 1e-8), labels)
    return alpha * temperature**2 * soft + (1 - alpha) * hard


def large_epsilon(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.softmax(student_logits / temperature, dim=1).clamp(min=1e-7)
    q = F.softmax(teacher_logits / temperature, dim=1).clamp(min=1e-7)
    soft = (q * torch.log((q + 1e-7) / (p + 1e-7))).sum(dim=1).mean()
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def entropy_subtracted(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    q = F.softmax(teacher_logits / temperature, dim=1)
    entropy = -(q * q.log()).sum(dim=1).mean()
    soft = F.cross_entropy(student_logits / temperature, q) - entropy
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


def distributions(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    student = Categorical(logits=student_logits / temperature)
    teacher = Categorical(logits=teacher_logits / temperature)
    soft: Tensor = kl_divergence(teacher, student).mean()
    log_p: Tensor = Categorical(logits=student_logits).log_prob(labels)  # type: ignore[no-untyped-call]
    return alpha * temperature**2 * soft - (1 - alpha) * log_p.mean()


def one_hot_labels(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    one_hot = F.one_hot(labels, student_logits.shape[1]).float()
    hard = -(one_hot * F.log_softmax(student_logits, dim=1)).sum(dim=1).mean()
    difference = F.log_softmax(teacher_logits / temperature, dim=1) - F.log_softmax(student_logits / temperature, dim=1)
    soft = (F.softmax(teacher_logits / temperature, dim=1) * difference).sum() / student_logits.shape[0]
    return alpha * temperature**2 * soft + (1 - alpha) * hard


def gathered_labels(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    log_s = student_logits - torch.logsumexp(student_logits, dim=1, keepdim=True)
    hard = -log_s.gather(1, labels.long().unsqueeze(1)).mean()
    log_p = student_logits / temperature - torch.logsumexp(student_logits / temperature, dim=1, keepdim=True)
    log_q = teacher_logits / temperature - torch.logsumexp(teacher_logits / temperature, dim=1, keepdim=True)
    soft = torch.einsum("nc,nc->n", log_q.exp(), log_q - log_p).mean()
    return alpha * (temperature**2) * soft + (1 - alpha) * hard


def cross_entropy_of_log_softmax(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    hard = F.cross_entropy(F.log_softmax(student_logits, dim=1), labels)
    p = F.log_softmax(F.log_softmax(student_logits / temperature, dim=1), dim=1)
    q = F.softmax(teacher_logits / temperature, dim=1)
    return alpha * temperature**2 * F.kl_div(p, q, reduction="batchmean") + (1 - alpha) * hard


def example_by_example(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    total = torch.zeros(())
    for student, label, teacher in zip(student_logits, labels, teacher_logits, strict=True):
        p = F.log_softmax(student / temperature, dim=0)
        q = F.softmax(teacher / temperature, dim=0)
        soft = F.kl_div(p, q, reduction="sum") * temperature**2
        total = total + alpha * soft + (1 - alpha) * F.cross_entropy(student.unsqueeze(0), label.unsqueeze(0))
    return total / len(labels)


def one_element(
    student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
) -> Tensor:
    p = F.log_softmax(student_logits / temperature, dim=1)
    q = F.softmax(teacher_logits / temperature, dim=1)
    soft = F.kl_div(p, q, reduction="batchmean").reshape(1)
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)


LOSSES = (
    logarithms_apart,
    logarithm_of_quotient,
    small_epsilon,
    large_epsilon,
    entropy_subtracted,
    distributions,
    one_hot_labels,
    gathered_labels,
    cross_entropy_of_log_softmax,
    example_by_example,
    one_element,
)
