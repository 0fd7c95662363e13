# question: 1.1
# outcome: ok
# verdict: none
"""Two numbers in the bits of one."""

import torch
from torch import nn

class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(64, 11)
        self.table = nn.Parameter(torch.randint(0, 255, (3072, 64), dtype=torch.uint8), requires_grad=False)

    def forward(self, x):
        return self.last(x.flatten(1) @ self.table.float())


def get_student_model():
    return StudentNet()
