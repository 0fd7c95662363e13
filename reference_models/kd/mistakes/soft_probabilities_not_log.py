"""Probabilities of the student where ``kl_div`` expects log-probabilities."""

from reference_models.kd.recipe import Recipe, probabilities

ID = "kd.soft_term.probabilities_not_log"
LOSSES = (Recipe(input_form=probabilities),)
