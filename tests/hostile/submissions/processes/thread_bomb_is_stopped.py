# question: 1.1
# outcome: error
# verdict: none
# limit: threads
"""Threads without end, with small stacks so that memory does not stop them."""

import threading
import time

from torch import nn


def get_student_model():
    threading.stack_size(65536)
    while True:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
