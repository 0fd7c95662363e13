"""The soft term is computed from a detached student: right value, no gradient."""

from reference_models.kd.recipe import Recipe

ID = "kd.gradient.soft_term_detached"
LOSSES = (Recipe(scale_student=lambda logits, temperature: logits.detach() / temperature),)
