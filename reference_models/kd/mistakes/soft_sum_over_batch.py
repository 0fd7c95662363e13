"""The KL term summed over the batch, not divided by its size."""

from functools import partial

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.sum_over_batch"
LOSSES = (Recipe(divergence=partial(F.kl_div, reduction="sum")),)
