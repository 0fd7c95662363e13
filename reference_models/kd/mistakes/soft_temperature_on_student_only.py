"""The teacher's logits are not divided by the temperature."""

from reference_models.kd.recipe import Recipe, unscaled

ID = "kd.soft_term.temperature_on_student_only"
LOSSES = (Recipe(scale_teacher=unscaled),)
