"""The sentence about a late submission speaks of a deduction exactly when points are deducted."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.reports.building import late_text
from grader.lateness import Lateness

DEADLINE = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("percent", "earned", "text"),
    [
        (20, 1.5, "Submitted late, on day 2 after the deadline: 20% of the 1.5 points are deducted."),
        (100, 4.0, "Submitted late, on day 2 after the deadline: 100% of the 4 points are deducted."),
        (10, 0.0, "Submitted late, on day 2 after the deadline. No points are deducted."),
        (0, 3.0, "Submitted late, on day 2 after the deadline. No points are deducted."),
        (0, 0.0, "Submitted late, on day 2 after the deadline. No points are deducted."),
    ],
)
def test_a_deduction_is_named_only_where_there_is_one(percent: float, earned: float, text: str) -> None:
    assert late_text(Lateness(DEADLINE, 2, percent), earned, "en") == text


@pytest.mark.parametrize("earned", [0.0, 1.0])
def test_both_languages_agree(earned: float) -> None:
    late = Lateness(DEADLINE, 1, 10)
    assert ("10%" in late_text(late, earned, "zh-Hant")) == ("10%" in late_text(late, earned, "en")) == (earned > 0)
