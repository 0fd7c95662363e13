"""The soft term compares logits or probabilities by mean squared error."""

from functools import partial

import torch.nn.functional as F

from reference_models.kd.recipe import Recipe, identity, no_factor, probabilities, unscaled

ID = "kd.soft_term.mse"
squares = partial(Recipe, input_form=identity, target_form=identity, divergence=F.mse_loss)
squares_of_probabilities = partial(Recipe, input_form=probabilities, divergence=F.mse_loss)
LOSSES = (
    squares("logits", scale_student=unscaled, scale_teacher=unscaled, factor=no_factor),
    squares("logits_with_factor", scale_student=unscaled, scale_teacher=unscaled),
    squares("softened", factor=no_factor),
    squares_of_probabilities("probabilities", factor=no_factor),
    squares_of_probabilities("probabilities_with_factor"),
    squares_of_probabilities(
        "probabilities_unscaled", scale_student=unscaled, scale_teacher=unscaled, factor=no_factor
    ),
)
