# question: 1.1
# outcome: ok
# verdict: none
"""Numbers as text, read at every pass."""

import torch
from torch import nn

TEXT = bytes(range(256)) * 768


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)

    def forward(self, x):
        return self.last(x.flatten(1) @ torch.tensor(bytearray(TEXT), dtype=torch.float32).reshape(3072, 64))


def get_student_model():
    return StudentNet()
