"""The hard term is computed from a detached student: right value, no gradient."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe

ID = "kd.gradient.hard_term_detached"
LOSSES = (Recipe(hard_term=lambda student, labels, temperature: F.cross_entropy(student.detach(), labels)),)
