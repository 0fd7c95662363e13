"""Cross entropy with the teacher's distribution: right gradient, but the teacher's entropy is not taken off."""

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe, identity

ID = "kd.soft_term.cross_entropy_not_kl"
LOSSES = (Recipe(input_form=identity, divergence=F.cross_entropy),)
