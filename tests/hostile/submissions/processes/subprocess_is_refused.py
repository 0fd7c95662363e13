# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""A program: the usual way."""

import subprocess

from torch import nn


def get_student_model():
    subprocess.run(["/bin/true"], check=True)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
