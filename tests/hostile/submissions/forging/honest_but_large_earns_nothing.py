# question: 1.1
# outcome: ok
# verdict: none
"""The network that the other files try to make small: 210,000 numbers."""

import torch
from torch import nn


def get_student_model():
    return nn.Sequential(nn.Conv2d(3, 400, 3), nn.ReLU(), nn.Conv2d(400, 55, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(55, 11))
