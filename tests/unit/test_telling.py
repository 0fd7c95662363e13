"""When students read a result, and which attempt counts where results are told later."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from app.scores.class_records import Attempt, Cell, counting_attempt, with_latest_answers
from app.submissions.models import State
from grader import assignment_check, telling
from grader.assignment import Assignment, Schedule, Tell, bundled, from_files
from grader.lateness import Lateness
from grader.scoring import Verdict
from grader.telling import TellingTimes, is_told

CLOSES = datetime(2026, 5, 20, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("rule", "times", "moment", "told"),
    [
        (Tell.AT_ONCE, TellingTimes(CLOSES), CLOSES - SECOND, True),
        (Tell.AFTER_DEADLINE, TellingTimes(CLOSES), CLOSES, False),
        (Tell.AFTER_DEADLINE, TellingTimes(CLOSES), CLOSES + SECOND, True),
        (Tell.AFTER_DEADLINE, TellingTimes(CLOSES, released_at=CLOSES - SECOND), CLOSES, False),
        (Tell.AFTER_DEADLINE, TellingTimes(), CLOSES, True),
        (Tell.WHEN_RELEASED, TellingTimes(CLOSES), CLOSES + SECOND, False),
        (Tell.WHEN_RELEASED, TellingTimes(released_at=CLOSES), CLOSES - SECOND, False),
        (Tell.WHEN_RELEASED, TellingTimes(released_at=CLOSES), CLOSES, True),
    ],
)
def test_students_read_a_result_by_its_rule_and_staff_always(
    rule: Tell, times: TellingTimes, moment: datetime, told: bool
) -> None:
    assert is_told(rule, times, moment, is_staff=False) is told
    assert is_told(rule, times, moment, is_staff=True)


def with_deadline(hw13: Assignment) -> Assignment:
    return hw13.model_copy(update={"schedule": Schedule(deadline=CLOSES)})


def test_only_choices_wait_by_default_and_only_for_a_deadline() -> None:
    hw13 = bundled("hw13")
    assert telling.told_later(hw13) == frozenset()
    assert telling.told_later(with_deadline(hw13)) == {"2.2", "3.2"}


def written(tell: str, schedule: str = "[schedule]") -> dict[str, str]:
    """The files of hw13 in which question 2.2 has this rule."""
    files = bundled("hw13").files
    text = files["assignment.toml"].replace('number = "2.2"', f'number = "2.2"\ntell = "{tell}"')
    return {**files, "assignment.toml": text.replace("[schedule]", schedule)}


def test_a_question_says_when_its_result_is_told() -> None:
    assert telling.told_later(from_files(written("when released"))) == {"2.2"}
    at_once = from_files(written("at once", f"[schedule]\ndeadline = {CLOSES.isoformat()}"))
    assert telling.told_later(at_once) == {"3.2"}
    with pytest.raises(ValidationError, match="there is no deadline"):
        from_files(written("after the deadline"))
    with pytest.raises(ValidationError, match="at once"):
        from_files(written("never"))


def test_guessing_is_a_remark_where_choices_are_told_at_once() -> None:
    remarks = [str(remark) for remark in assignment_check.remarks(bundled("hw13"))]
    assert [remark.split(": ")[1] for remark in remarks] == ["question 2.2", "question 3.2"]
    assert all("guessing pays" in remark for remark in remarks)
    assert assignment_check.remarks(with_deadline(bundled("hw13"))) == ()
    assert len(assignment_check.remarks(from_files(written("when released")))) == 1


LATE = Lateness(CLOSES, 2, 20)


def attempt(number: int, code: float, answer: float | None, **fields: object) -> Attempt:
    """An attempt with a question of code and a choice; ``None``: without an answer."""
    verdict = Verdict.NOT_SUBMITTED if answer is None else Verdict.FULL if answer else Verdict.NONE
    made = Attempt(
        submission=uuid.UUID(int=number),
        number=number,
        submitted_at=CLOSES + number * SECOND,
        state=State.GRADED,
        fault=None,
        score=0.0,
        cells={
            "1": Cell(code, 2, Verdict.PARTIAL, None, False),
            "2": Cell(answer or 0.0, 1, verdict, None, False),
        },
        mistakes=("1 wrong", f"2 {verdict}"),
        parameters=None,
        accuracy=None,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def cell(made: Attempt, verdict: Verdict) -> Attempt:
    """The attempt with another verdict of the choice."""
    return replace(made, cells={**made.cells, "2": made.cells["2"]._replace(verdict=verdict)})


@pytest.mark.parametrize(
    ("attempts", "counts", "source", "score"),
    [
        # The best code counts, with the latest answer, not with the best one.
        ([attempt(1, 1.5, 1.0), attempt(2, 1.0, 0.0)], 1, 2, 1.5),
        ([attempt(1, 1.0, 0.0), attempt(2, 1.5, 0.0), attempt(3, 1.0, 1.0)], 2, 3, 2.5),
        # An attempt without an answer leaves the earlier one.
        ([attempt(1, 1.0, 1.0), attempt(2, 1.5, None)], 2, 1, 2.5),
        ([attempt(1, 1.0, None), attempt(2, 1.5, None)], 2, 2, 1.5),
        # Each part loses what the lateness of its own submission costs.
        ([attempt(1, 1.5, 0.0), attempt(2, 1.0, 1.0, late=LATE)], 1, 2, 2.3),
        ([attempt(1, 1.0, 1.0), attempt(2, 2.0, None, late=LATE)], 2, 1, 2.6),
        # A cancelled attempt answers nothing, nor does one that waits or met a fault of ours.
        ([attempt(1, 1.5, 0.0), attempt(2, 1.0, 1.0, state=State.CANCELLED)], 1, 1, 1.5),
        ([attempt(1, 1.5, 1.0), cell(attempt(2, 0.0, 0.0, state=State.RUNNING), Verdict.PENDING)], 1, 1, 2.5),
        ([attempt(1, 1.5, 1.0), cell(attempt(2, 0.0, 0.0, state=State.FAILED), Verdict.FAULT)], 1, 1, 2.5),
    ],
)
def test_the_best_attempt_counts_with_the_latest_answers(
    attempts: list[Attempt], counts: int, source: int, score: float
) -> None:
    best = counting_attempt(attempts, "best", lambda one: one.total_without({"2"}))
    assert best is not None
    merged = with_latest_answers(best, attempts, {"2"})
    origin = merged.cells["2"].source or merged
    assert (merged.number, origin.number, merged.score) == (counts, source, score)
    assert merged.mistakes == ("1 wrong", f"2 {origin.cells['2'].verdict}")
    told = merged.told({"2"})
    assert (told.score, told.cells["2"].verdict, told.mistakes) == (
        merged.total_without({"2"}),
        Verdict.WITHHELD,
        ("1 wrong",),
    )
