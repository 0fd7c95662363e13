# question: 1.1
# outcome: error
# verdict: none
# error: RuntimeError
"""A command by the shell; its failure is noticed."""

import os

from torch import nn


def get_student_model():
    if os.system("id > /tmp/assay-was-here") != 0:
        raise RuntimeError("no shell")
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
