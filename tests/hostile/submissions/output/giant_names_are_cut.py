# question: 1.1
# outcome: ok
# verdict: full
"""Layers with names of a hundred thousand letters."""

from torch import nn


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module("layer" * 20_000, nn.Linear(3, 11))

    def forward(self, x):
        return self._modules["layer" * 20_000](x.mean((2, 3)))


def get_student_model():
    return StudentNet()
