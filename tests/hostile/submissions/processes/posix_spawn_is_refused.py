# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""A program by posix_spawn."""

import os

from torch import nn


def get_student_model():
    os.posix_spawn("/bin/true", ["true"], {})
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
