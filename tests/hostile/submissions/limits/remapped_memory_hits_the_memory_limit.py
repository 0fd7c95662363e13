# question: 2.1
# outcome: memory
# verdict: none
# limit: memory
"""Memory that grows in place."""

import mmap


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    mapping = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE)
    mapping.resize(1 << 34)
