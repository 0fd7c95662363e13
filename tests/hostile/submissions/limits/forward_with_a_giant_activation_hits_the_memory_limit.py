# question: 1.1
# outcome: memory
# verdict: needs_review
# limit: memory
"""An honest mistake: one activation of many gigabytes."""

import torch
from torch import nn


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 11)

    def forward(self, x):
        return self.layer(torch.ones(1 << 34).sum() * x.mean((2, 3)))


def get_student_model():
    return StudentNet()
