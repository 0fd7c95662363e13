# question: 2.1
# outcome: memory
# verdict: none
# limit: memory
"""A mapping that grows like a stack is not counted by RLIMIT_DATA either."""

import mmap


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    grows_down = 0x100
    mapping = mmap.mmap(-1, 1 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | grows_down, mmap.PROT_READ | mmap.PROT_WRITE)
    for page in range(0, 1 << 30, 4096):
        mapping[page] = 1
