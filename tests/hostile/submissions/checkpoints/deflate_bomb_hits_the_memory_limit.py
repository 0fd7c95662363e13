# question: 2.1
# outcome: memory
# verdict: none
# limit: memory
"""A megabyte that inflates to a gigabyte."""

import zlib

from torch.nn import functional as F


def pack():
    packer = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * 1024


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    zlib.decompress(pack(), wbits=-zlib.MAX_WBITS)
    student = F.log_softmax(student_logits / temperature, 1)
    soft = F.kl_div(student, F.softmax(teacher_logits / temperature, 1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
