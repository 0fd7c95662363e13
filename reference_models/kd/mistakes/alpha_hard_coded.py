"""A weight written into the code instead of the argument."""

from functools import partial

from reference_models.kd.recipe import Recipe

ID = "kd.alpha_hard_coded"
VALUES = (0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99)


def fixed_weights(value: float, alpha: float) -> tuple[float, float]:
    return value, 1 - value


LOSSES = tuple(Recipe(f"{value}", weights=partial(fixed_weights, value)) for value in VALUES)
