"""Both terms have one weight, ``alpha`` or ``1 - alpha``."""

from reference_models.kd.recipe import Recipe

ID = "kd.alpha_on_both_terms"
LOSSES = (
    Recipe("alpha", weights=lambda alpha: (alpha, alpha)),
    Recipe("rest", weights=lambda alpha: (1 - alpha, 1 - alpha)),
)
