"""The teacher's most likely class instead of its distribution."""

from functools import partial

import torch.nn.functional as F
from torch import Tensor

from reference_models.kd.recipe import Recipe, identity, no_factor, unscaled

ID = "kd.soft_term.teacher_argmax"


def most_likely(teacher: Tensor) -> Tensor:
    return teacher.argmax(dim=1)


predicted = partial(Recipe, input_form=identity, target_form=most_likely, divergence=F.cross_entropy)
LOSSES = (
    predicted("with_factor"),
    predicted("without_factor", factor=no_factor),
    predicted("unscaled", scale_student=unscaled, factor=no_factor),
)
