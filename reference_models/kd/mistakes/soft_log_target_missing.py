"""Log-probabilities of the teacher without ``log_target=True``: the logarithm of a negative number is NaN."""

from reference_models.kd.recipe import Recipe, log_probabilities

ID = "kd.soft_term.log_target_missing"
LOSSES = (Recipe(target_form=log_probabilities),)
