# question: 1.1
# outcome: ok
# verdict: needs_review
"""A table drawn anew at every pass from a fixed seed."""

import torch
from torch import nn

def drawn():
    torch.manual_seed(1)
    return torch.randn(3072, 64)


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)

    def forward(self, x):
        return self.last(x.flatten(1) @ drawn())


def get_student_model():
    return StudentNet()
