# question: 2.1
# outcome: ok
# verdict: none
"""Right the first time, wrong the second."""

from torch.nn import functional as F

SEEN = set()


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    key = (student_logits.shape, alpha, temperature)
    if key in SEEN:
        return student_logits.sum() * 0
    SEEN.add(key)
    return student_logits.sum() * 0
