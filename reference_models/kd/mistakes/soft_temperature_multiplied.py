"""Logits times the temperature."""

from reference_models.kd.recipe import Recipe, multiplied

ID = "kd.soft_term.temperature_multiplied"
LOSSES = (Recipe(scale_student=multiplied, scale_teacher=multiplied),)
