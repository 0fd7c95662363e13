# question: 2.1
# outcome: error
# verdict: none
# error: ValueError
"""An exception that was caused by itself."""

from torch.nn import functional as F


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first
    student = F.log_softmax(student_logits / temperature, 1)
    soft = F.kl_div(student, F.softmax(teacher_logits / temperature, 1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
