# question: 2.1
# outcome: memory
# verdict: none
# limit: memory
"""A kilobyte that loads as a tensor of a trillion elements."""

import io
import torch

from torch.nn import functional as F


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    file = io.BytesIO()
    torch.save(torch.zeros(1).expand(10**12), file)
    file.seek(0)
    torch.load(file, weights_only=True).contiguous()
    student = F.log_softmax(student_logits / temperature, 1)
    soft = F.kl_div(student, F.softmax(teacher_logits / temperature, 1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
