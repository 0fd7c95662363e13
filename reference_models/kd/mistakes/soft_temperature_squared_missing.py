"""The factor T^2 is missing."""

from reference_models.kd.recipe import Recipe, no_factor

ID = "kd.soft_term.temperature_squared_missing"
LOSSES = (Recipe(factor=no_factor),)
