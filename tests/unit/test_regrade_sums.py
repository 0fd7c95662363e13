"""The sums above the changes of a regrade."""

from __future__ import annotations

import uuid

import pytest

from app.regrades.schemas import ChangeView
from app.regrades.sums import Sums, of_changes

ANN, BOB, CY, DEE = (uuid.UUID(int=number) for number in range(4))


def change(
    submission: uuid.UUID, old: float | None, new: float | None, question: str = "2.1", override: float | None = None
) -> ChangeView:
    return ChangeView(
        submission=submission, student="x", question=question, old=old, new=new, reason="", override=override
    )


@pytest.mark.parametrize(
    ("changes", "sums"),
    [
        ([], Sums(0, 0, 0, 0, None)),
        ([change(ANN, 0.5, 1.0), change(BOB, 1.0, 0.75)], Sums(1, 1, 0, 0, 0.125)),
        ([change(ANN, 0.5, 1.0), change(ANN, 0.5, 0.25, "2.2")], Sums(1, 0, 0, 0, 0.25)),
        ([change(ANN, 0.1, 0.3), change(ANN, 0.3, 0.1, "2.2")], Sums(0, 0, 1, 0, None)),
        ([change(ANN, None, 0.5), change(BOB, 0.5, None)], Sums(1, 1, 0, 0, 0.0)),
        ([change(CY, 0.0, 1.0, override=0.5), change(DEE, 10.0, 0.0, "late")], Sums(0, 0, 1, 1, None)),
    ],
    ids=["nothing", "one-each", "two-questions", "even", "without-a-score", "by-hand-and-late"],
)
def test_sums_count_submissions_by_the_change_of_their_points(changes: list[ChangeView], sums: Sums) -> None:
    assert of_changes(changes) == sums
