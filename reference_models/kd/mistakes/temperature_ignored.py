"""The temperature is not used at all."""

from reference_models.kd.recipe import Recipe, no_factor, unscaled

ID = "kd.temperature_ignored"
LOSSES = (Recipe(scale_student=unscaled, scale_teacher=unscaled, factor=no_factor),)
