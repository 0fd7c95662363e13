"""There is no soft term."""

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.missing"
LOSSES = (Recipe("weighted", weights=lambda alpha: (0, 1 - alpha)), Recipe("unweighted", weights=lambda alpha: (0, 1)))
