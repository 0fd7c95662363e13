# question: 1.1
# outcome: ok
# verdict: none
"""A tensor as a default."""

import torch
from torch import nn

def table(weights=torch.randn(3072, 64)):
    return weights


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)

    def forward(self, x):
        return self.last(x.flatten(1) @ table())


def get_student_model():
    return StudentNet()
