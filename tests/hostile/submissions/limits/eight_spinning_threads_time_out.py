# question: 2.1
# outcome: timeout
# verdict: none
# limit: CPU time
"""The CPU time of all threads counts."""

import threading
import torch

from torch.nn import functional as F


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    matrices = [torch.randn(512, 512) for _ in range(8)]


    def spin(matrix):
        while True:
            matrix @ matrix


    for matrix in matrices[1:]:
        threading.Thread(target=spin, args=(matrix,), daemon=True).start()
    spin(matrices[0])
    student = F.log_softmax(student_logits / temperature, 1)
    soft = F.kl_div(student, F.softmax(teacher_logits / temperature, 1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
