"""The teacher's logits where ``kl_div`` expects probabilities: the logarithm of a negative number is NaN."""

from reference_models.kd.recipe import Recipe, identity, unscaled

ID = "kd.soft_term.teacher_logits_raw"
LOSSES = (Recipe("softened", target_form=identity), Recipe("raw", scale_teacher=unscaled, target_form=identity))
