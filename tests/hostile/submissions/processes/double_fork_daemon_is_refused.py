# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""A daemon that leaves its parent."""

import os

from torch import nn


def get_student_model():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while True:
                pass
        os._exit(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
