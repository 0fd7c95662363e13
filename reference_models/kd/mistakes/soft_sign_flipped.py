"""The soft term with the wrong sign."""

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.sign_flipped"
LOSSES = (Recipe(factor=lambda temperature: -(temperature**2)),)
