# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""The sandbox child becomes another program."""

import os

from torch import nn


def get_student_model():
    os.execv("/bin/sh", ["sh", "-c", "id"])
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
