# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""A pool of processes."""

import multiprocessing

from torch import nn


def get_student_model():
    with multiprocessing.Pool(2) as pool:
        pool.map(abs, [1, -1])
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
