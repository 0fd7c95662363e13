# question: 1.1
# outcome: forbidden
# verdict: needs_review
"""A teacher that would do the work."""

import torchvision

from torch import nn


def get_student_model():
    torchvision.models.resnet18(weights="DEFAULT")
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
