# question: 1.1
# outcome: forbidden
# verdict: none
# error: PermissionError
"""Workers of a data loader are processes."""

import torch
from torch.utils.data import DataLoader, TensorDataset

from torch import nn


def get_student_model():
    list(DataLoader(TensorDataset(torch.zeros(4)), num_workers=1))
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 11))
