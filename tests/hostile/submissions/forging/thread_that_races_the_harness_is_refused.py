# question: 2.1
# outcome: protocol
# verdict: none
"""A thread writes frames all the time."""

import os
import struct
import threading
import time


def race():
    sequence = 0
    while True:
        sequence += 1
        text = b'{"kind": "float", "arrays": []}'
        os.write(4, struct.pack("<4sIBxxxIQ", b"ASY1", sequence, 3, len(text), 0) + text)
        time.sleep(0.001)


def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    if threading.active_count() == 1:
        threading.Thread(target=race, daemon=True).start()
    time.sleep(0.05)
    return student_logits.sum()
