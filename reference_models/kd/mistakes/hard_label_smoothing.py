"""Cross entropy with smoothed labels."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.label_smoothing"
VALUES = (0.05, 0.1, 0.15, 0.2)


def smoothed(smoothing: float, student: Tensor, labels: Tensor, temperature: float) -> Tensor:
    return F.cross_entropy(student, labels, label_smoothing=smoothing)


LOSSES = tuple(Recipe(f"{value}", hard_term=partial(smoothed, value)) for value in VALUES)
