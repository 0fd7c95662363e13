"""Facts about one choice of several."""

from __future__ import annotations

from typing import Literal

from grader.evidence import Evidence


class ChoiceEvidence(Evidence):
    """Questions 2.2 and 3.2: one choice. The key is part of the rubric, not of the evidence.

    The times of 3.2 are processor seconds for an image, or null where they were not steady.
    """

    kind: Literal["choice"] = "choice"
    answer: str | None = None
    seconds_unpruned: float | None = None
    seconds_pruned_90: float | None = None
