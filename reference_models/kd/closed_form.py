"""The distillation loss and its gradient in closed form, in numpy: the expected values of a grading.

A test compares it with `reference_models.kd.reference` and automatic differentiation; grading uses this form, because
importing torch takes two seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference_models.kd.cases import Case

Matrix = NDArray[np.float64]


def loss(case: Case) -> tuple[float, Matrix]:
    """Value and gradient with respect to the student's logits ``(N, C)``, in float64.

    With ``p, q`` the softened student and teacher and ``s`` the student's softmax at temperature 1, row by row:
    ``alpha * T * (p - q) / N + (1 - alpha) * (s - onehot) / N``.
    """
    student = case.inputs.student.astype(np.float64)
    teacher = case.inputs.teacher.astype(np.float64)
    rows = np.arange(len(student))
    temperature, alpha = case.temperature, case.alpha

    log_p = _log_softmax(student / temperature)
    log_q = _log_softmax(teacher / temperature)
    q = np.exp(log_q)
    soft = temperature**2 * float((q * (log_q - log_p)).sum(axis=1).mean())

    log_s = _log_softmax(student)
    hard = -float(log_s[rows, case.inputs.labels].mean())
    residual = np.exp(log_s)
    residual[rows, case.inputs.labels] -= 1.0

    gradient = (alpha * temperature * (np.exp(log_p) - q) + (1 - alpha) * residual) / len(student)
    return alpha * soft + (1 - alpha) * hard, gradient


def _log_softmax(logits: Matrix) -> Matrix:
    shifted: Matrix = logits - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
