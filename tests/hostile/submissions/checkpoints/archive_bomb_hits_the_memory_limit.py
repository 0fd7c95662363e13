# question: 2.1
# outcome: memory
# verdict: none
# limit: memory
"""A ZIP whose entry is 768 MiB of zeros: past the limit of memory, and quick enough to make and to read."""

import io
import zipfile

from torch.nn import functional as F


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive, archive.open("data", "w", force_zip64=True) as entry:
        for _ in range(768):
            entry.write(bytes(1 << 20))
    zipfile.ZipFile(file).read("data")
    student = F.log_softmax(student_logits / temperature, 1)
    soft = F.kl_div(student, F.softmax(teacher_logits / temperature, 1), reduction="batchmean")
    return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
