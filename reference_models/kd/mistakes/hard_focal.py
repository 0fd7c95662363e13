"""Focal loss (arXiv 1708.02002) instead of cross entropy."""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.focal"
VALUES = (0.5, 1.0, 2.0, 5.0)


def focal(gamma: float, student: Tensor, labels: Tensor, temperature: float) -> Tensor:
    each = F.cross_entropy(student, labels, reduction="none")
    return ((1 - torch.exp(-each)) ** gamma * each).mean()


def focal_of_the_mean(gamma: float, student: Tensor, labels: Tensor, temperature: float) -> Tensor:
    mean = F.cross_entropy(student, labels)
    return (1 - torch.exp(-mean)) ** gamma * mean


def quarter_of_focal(gamma: float, student: Tensor, labels: Tensor, temperature: float) -> Tensor:
    return 0.25 * focal(gamma, student, labels, temperature)


LOSSES = tuple(
    Recipe(f"{hard_term.__name__}_{value}", hard_term=partial(hard_term, value))
    for hard_term in (focal, focal_of_the_mean, quarter_of_focal)
    for value in VALUES
)
