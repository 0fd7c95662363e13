"""The KL term left as a matrix or as one number an example."""

from functools import partial

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.not_reduced"
LOSSES = (
    Recipe("matrix", divergence=partial(F.kl_div, reduction="none")),
    Recipe(
        "one_number_an_example",
        divergence=lambda student, teacher: F.kl_div(student, teacher, reduction="none").sum(dim=1),
    ),
)
