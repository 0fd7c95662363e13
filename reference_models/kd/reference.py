"""The right distillation loss, in torch, for float64 tensors.

Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531), section 2:

- The *soft term* compares softened distributions: ``q = softmax(teacher / T)`` and ``p = softmax(student / T)``,
  ``KL(q || p) = sum_c q_c (log q_c - log p_c)``, averaged over the batch.
- Its gradient with respect to the student's logits is ``(p - q) / T``, and ``p - q`` itself shrinks like ``1 / T``.
  The factor ``T^2`` undoes both, so that ``alpha`` keeps its meaning when the temperature changes.
- The *hard term* is the ordinary cross entropy with the labels, at temperature 1.

Together: ``alpha * T^2 * KL(q || p) + (1 - alpha) * cross entropy``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor, float, float], Tensor | None]
"""``(student_logits, labels, teacher_logits, alpha, temperature)``: logits ``(N, C)``, labels ``(N,)``, to a scalar.

A known mistake may return None or another shape, as a submission may.
"""


def hard_term(student_logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the labels ``(N,)`` under the student's logits ``(N, C)``, batch mean: a 0-d tensor."""
    return F.cross_entropy(student_logits, labels)


def soft_term(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """``T^2 * KL(teacher || student)`` of the softened distributions, batch mean: a 0-d tensor."""
    log_p = F.log_softmax(student_logits / temperature, dim=1)
    log_q = F.log_softmax(teacher_logits / temperature, dim=1)
    divergence = (log_q.exp() * (log_q - log_p)).sum(dim=1).mean()
    return temperature**2 * divergence


def loss(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float) -> Tensor:
    """The whole loss, a 0-d tensor."""
    soft = soft_term(student_logits, teacher_logits, temperature)
    return alpha * soft + (1 - alpha) * hard_term(student_logits, labels)
