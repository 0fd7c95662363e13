"""Facts about one choice of several."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from grader.evidence import Evidence


class ChoiceFact(StrEnum):
    """What measuring may note: a closed set."""

    NOT_TIMED = "choice.not_timed"
    OTHER_KEYS = "choice.other_keys"
    READ_AS = "choice.read_as"


class ChoiceEvidence(Evidence):
    """Questions 2.2 and 3.2: one choice. The key is part of the rubric, not of the evidence.

    The times of 3.2 are processor seconds for an image, or null where they were not steady.
    """

    facts: ClassVar = frozenset(ChoiceFact)
    kind: Literal["choice"] = "choice"
    answer: str | None = None
    seconds_unpruned: float | None = None
    seconds_pruned_90: float | None = None
