# question: 1.1
# outcome: ok
# verdict: none
"""The same, left out of the state dict."""

import torch
from torch import nn

class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)
        self.register_buffer("table", torch.randn(3072, 64), persistent=False)

    def forward(self, x):
        return self.last(x.flatten(1) @ self.table)


def get_student_model():
    return StudentNet()
