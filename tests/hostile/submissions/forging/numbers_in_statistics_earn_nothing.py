# question: 1.1
# outcome: ok
# verdict: none
"""Running statistics of a batch norm that nothing normalises."""

import torch
from torch import nn

class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)
        self.store = nn.BatchNorm1d(196608, affine=False)

    def forward(self, x):
        return self.last(x.flatten(1) @ self.store.running_var.reshape(3072, 64))


def get_student_model():
    return StudentNet()
