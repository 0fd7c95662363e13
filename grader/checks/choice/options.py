"""Options of the choice check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from grader.check import ForScoring, Options
from grader.parts import Text


class ChoiceOptions(Options):
    """``choices``: the texts of each choice; ``key``: the right one.

    ``wordings`` are other texts of a choice, as on the homework's page. ``explanation`` is shown with a right answer,
    ``hint`` with a wrong one. ``measure_times`` times the student's model unpruned and 90% pruned.
    """

    choices: Mapping[str, Text]
    key: Annotated[str, ForScoring]
    wordings: Mapping[str, tuple[str, ...]] = {}
    explanation: Annotated[Text | None, ForScoring] = None
    hint: Annotated[Text | None, ForScoring] = None
    measure_times: bool = False
