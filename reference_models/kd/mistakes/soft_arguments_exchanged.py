"""The arguments of ``kl_div`` in each other's place: the logarithm of a log-probability is NaN."""

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.recipe import Recipe, no_factor

ID = "kd.soft_term.arguments_exchanged"


def exchanged(student: Tensor, teacher: Tensor) -> Tensor:
    return F.kl_div(teacher, student, reduction="batchmean")


LOSSES = (
    Recipe("with_factor", divergence=exchanged),
    Recipe("without_factor", divergence=exchanged, factor=no_factor),
)
