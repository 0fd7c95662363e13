"""The student's logits where ``kl_div`` expects log-probabilities."""

from reference_models.kd.recipe import Recipe, identity, unscaled

ID = "kd.soft_term.student_logits_raw"
LOSSES = (Recipe("softened", input_form=identity), Recipe("raw", scale_student=unscaled, input_form=identity))
