"""The cross entropy summed over the batch, not divided by its size."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.sum_over_batch"
LOSSES = (Recipe(hard_term=lambda student, labels, temperature: F.cross_entropy(student, labels, reduction="sum")),)
