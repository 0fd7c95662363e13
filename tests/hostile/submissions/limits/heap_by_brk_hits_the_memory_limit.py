# question: 2.1
# outcome: memory
# verdict: none
# limit: memory
"""Memory from the C library."""

import ctypes

from torch.nn import functional as F


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    while True:
        address = libc.malloc(100_000)
        if not address:
            raise MemoryError
        ctypes.memset(address, 1, 100_000)
    student = F.log_softmax(student_logits / temperature, 1)
    soft = F.kl_div(student, F.softmax(teacher_logits / temperature, 1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
