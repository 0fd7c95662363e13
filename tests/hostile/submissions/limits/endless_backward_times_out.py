# question: 1.1
# outcome: timeout
# verdict: needs_review
# limit: CPU time
"""A hook on the gradient that never ends."""

from torch import nn


def for_ever(gradient):
    while True:
        gradient = gradient + 1


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 11)

    def forward(self, x):
        y = self.layer(x.mean((2, 3)))
        if y.requires_grad:
            y.register_hook(for_ever)
        return y


def get_student_model():
    return StudentNet()
