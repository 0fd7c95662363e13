"""The hard term with the wrong sign."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.sign_flipped"
LOSSES = (Recipe(hard_term=lambda student, labels, temperature: -F.cross_entropy(student, labels)),)
