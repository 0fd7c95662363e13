"""The KL term divided by N * C: the default ``mean`` where ``batchmean`` belongs."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.mean_over_elements"
LOSSES = (Recipe(divergence=lambda student, teacher: F.kl_div(student, teacher, reduction="none").mean()),)
