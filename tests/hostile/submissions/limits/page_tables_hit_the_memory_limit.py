# question: 2.1
# outcome: memory
# verdict: none
# limit: memory
"""Reading one page of every second megabyte of a terabyte costs gigabytes of page tables."""

import mmap


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    mapping = mmap.mmap(-1, 1 << 40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)
    return student_logits.sum() * sum(mapping[at] for at in range(0, 1 << 40, 1 << 21))
