"""The cross entropy gets logits divided by the temperature."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.softened_logits"
LOSSES = (Recipe(hard_term=lambda student, labels, temperature: F.cross_entropy(student / temperature, labels)),)
