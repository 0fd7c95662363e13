"""A temperature written into the code instead of the argument, with its own or the argument's square as factor."""

from functools import partial

from torch import Tensor

from reference_models.kd.recipe import Recipe

ID = "kd.temperature_hard_coded"
VALUES = (2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 15.0, 20.0)


def divided_by(value: float, logits: Tensor, temperature: float) -> Tensor:
    return logits / value


def square_of(value: float, temperature: float) -> float:
    return value**2


LOSSES = (
    *(
        Recipe(
            f"{value}_everywhere",
            scale_student=partial(divided_by, value),
            scale_teacher=partial(divided_by, value),
            factor=partial(square_of, value),
        )
        for value in VALUES
    ),
    *(
        Recipe(
            f"{value}_in_the_softmax",
            scale_student=partial(divided_by, value),
            scale_teacher=partial(divided_by, value),
        )
        for value in VALUES
    ),
)
