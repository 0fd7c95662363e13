"""The soft term has no weight ``alpha``."""

from reference_models.kd.recipe import Recipe

ID = "kd.alpha_missing_on_soft_term"
LOSSES = (Recipe(weights=lambda alpha: (1, 1 - alpha)),)
