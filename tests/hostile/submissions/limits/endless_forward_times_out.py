# question: 1.1
# outcome: timeout
# verdict: needs_review
# limit: CPU time
"""The model builds, and never answers."""

from torch import nn


class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 11)

    def forward(self, x):
        while True:
            x = x + 1


def get_student_model():
    return StudentNet()
