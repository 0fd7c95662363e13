# question: 1.1
# outcome: ok
# verdict: none
"""Constants of a function."""

import torch
from torch import nn

class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)
        self.table = eval("lambda: (" + "0.5, " * 196608 + ")")

    def forward(self, x):
        return self.last(x.flatten(1) @ torch.tensor(self.table()).reshape(3072, 64))


def get_student_model():
    return StudentNet()
