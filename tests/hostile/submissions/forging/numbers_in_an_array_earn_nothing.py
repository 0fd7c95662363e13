# question: 1.1
# outcome: ok
# verdict: none
"""A numpy array."""

import numpy
import torch
from torch import nn

class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)
        self.table = numpy.random.default_rng(0).standard_normal((3072, 64)).astype("float32")

    def forward(self, x):
        return self.last(x.flatten(1) @ torch.from_numpy(self.table))


def get_student_model():
    return StudentNet()
