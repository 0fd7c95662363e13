# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""A command whose output is read."""

import os

from torch import nn


def get_student_model():
    os.popen("id").read()
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
