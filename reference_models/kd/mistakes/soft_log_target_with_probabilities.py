"""``log_target=True``, but the teacher's side holds probabilities."""

from functools import partial

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.log_target_with_probabilities"
LOSSES = (Recipe(divergence=partial(F.kl_div, reduction="batchmean", log_target=True)),)
