"""The hard term has no weight ``1 - alpha``."""

from reference_models.kd.recipe import Recipe

ID = "kd.alpha_missing_on_hard_term"
LOSSES = (Recipe(weights=lambda alpha: (alpha, 1)),)
