# question: 1.1
# outcome: ok
# verdict: none
"""Weights in the running mean of a batch norm that normalises the picture times zero."""

import torch
import torch.nn.functional as F
from torch import nn

class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.store = nn.BatchNorm1d(30720, affine=False)
        self.store.running_mean.normal_()
        self.inner = nn.Linear(3072, 29)
        self.last = nn.Linear(39, 11)

    def forward(self, x):
        x = x.flatten(1)
        stored = self.store(x.repeat(1, 10) * 0)[:1].reshape(10, 3072)
        return self.last(F.relu(torch.cat([self.inner(x), F.linear(x, stored)], 1)))

def get_student_model():
    return StudentNet()
