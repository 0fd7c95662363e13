"""There is no hard term."""

from reference_models.kd.recipe import Recipe

ID = "kd.hard_term.missing"
LOSSES = (Recipe("weighted", weights=lambda alpha: (alpha, 0)), Recipe("unweighted", weights=lambda alpha: (1, 0)))
