# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""The hand-in is sent to somebody."""

import socket

from torch import nn


def get_student_model():
    socket.create_connection(("192.0.2.1", 80), timeout=2)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
