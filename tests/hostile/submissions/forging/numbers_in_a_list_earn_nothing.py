# question: 1.1
# outcome: ok
# verdict: none
"""A tensor in a list in a dictionary."""

import torch
from torch import nn

class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)
        self.table = {"weights": [torch.randn(3072, 64)]}

    def forward(self, x):
        return self.last(x.flatten(1) @ self.table["weights"][0])


def get_student_model():
    return StudentNet()
