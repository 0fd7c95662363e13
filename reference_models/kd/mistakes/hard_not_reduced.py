"""The cross entropy left as one number an example."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.not_reduced"
LOSSES = (Recipe(hard_term=lambda student, labels, temperature: F.cross_entropy(student, labels, reduction="none")),)
