"""``alpha`` weighs the hard term and ``1 - alpha`` the soft one."""

from reference_models.kd.recipe import Recipe

ID = "kd.alpha_swapped"
LOSSES = (Recipe(weights=lambda alpha: (1 - alpha, alpha)),)
