"""A factor T where T^2 belongs."""

from reference_models.kd.recipe import Recipe

ID = "kd.soft_term.temperature_once"
LOSSES = (Recipe(factor=lambda temperature: temperature),)
