"""Options of the architecture check."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeInt, PositiveInt

from grader.assignment import Assignment
from grader.check import ForScoring, Options, Public
from grader.checks.architecture.evidence import ArchitectureEvidence


class ArchitectureOptions(Options):
    """``entry`` is the function that returns the model. ``batches`` are run in eval mode, the last also in train mode.

    ``small_constants``: how many numbers besides the parameters do not count, such as shapes and normalisation.
    """

    entry: str
    input_shape: Annotated[tuple[PositiveInt, PositiveInt, PositiveInt], Public]
    classes: Annotated[PositiveInt, Public]
    parameter_limit: Annotated[PositiveInt, Public]
    batches: tuple[PositiveInt, ...] = Field(default=(1, 2), min_length=1)
    small_constants: Annotated[NonNegativeInt, ForScoring] = 0


def of_network(assignment: Assignment) -> ArchitectureOptions:
    """The options of the first question that asks for a network. Raises ``LookupError`` where none does."""
    for question in assignment.questions:
        if question.check == ArchitectureEvidence.check():
            return question.typed_options(ArchitectureOptions)
    raise LookupError(f"{assignment.slug} asks for no network")
