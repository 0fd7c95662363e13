# question: 2.1
# outcome: died
# verdict: none
"""Recursion in C until the stack ends."""

import sys

from torch.nn import functional as F


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    sys.setrecursionlimit(10**9)
    nested = ()
    for _ in range(10**6):
        nested = (nested,)
    hash(nested)
    student = F.log_softmax(student_logits / temperature, 1)
    soft = F.kl_div(student, F.softmax(teacher_logits / temperature, 1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
