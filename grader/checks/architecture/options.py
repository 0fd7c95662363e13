"""Options of the architecture check."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from grader.check import ForScoring, Options


class ArchitectureOptions(Options):
    """``entry`` is the function that returns the model. ``batches`` are run in eval mode, the last also in train mode.

    ``small_constants``: how many numbers besides the parameters do not count, such as shapes and normalisation.
    """

    entry: str
    input_shape: tuple[PositiveInt, PositiveInt, PositiveInt]
    classes: PositiveInt
    parameter_limit: PositiveInt
    batches: tuple[PositiveInt, ...] = Field(default=(1, 2), min_length=1)
    small_constants: Annotated[NonNegativeInt, ForScoring] = 0
