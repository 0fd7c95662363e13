"""The factor T^2 is there, but no logits are divided by the temperature."""

from reference_models.kd.recipe import Recipe, unscaled

ID = "kd.soft_term.logits_not_softened"
LOSSES = (Recipe(scale_student=unscaled, scale_teacher=unscaled),)
