"""Feedback on the data points of a plot from their numbers alone, without weights: remarks, which cost no points."""

from __future__ import annotations

import itertools
import math

import pytest

from grader import scoring
from grader.assignment import bundled
from grader.checks.pruning import measure, pruning_points
from grader.checks.pruning.evidence import PointsCheck, PruningEvidence

STEPS = [round(0.05 * step, 2) for step in range(20)]
TENTHS = [round(0.1 * step, 1) for step in range(10)]
Rows = list[tuple[float, float]]


def accuracy(ratio: float, start: float = 0.8, knee: float = 0.6, slope: float = 14) -> float:
    """A network that holds until much is pruned, then falls to chance."""
    fall = (1 + math.exp(-knee * slope)) / (1 + math.exp((ratio - knee) * slope))
    return round(1 / 11 + (start - 1 / 11) * fall, 4)


def pruned_again(ratios: list[float]) -> list[float]:
    """The shares that are really pruned when one ratio after another is applied to the same model."""
    return [1 - left for left in itertools.accumulate((1 - ratio for ratio in ratios), lambda one, two: one * two)]


def honest(ratios: list[float] = STEPS, **shape: float) -> Rows:
    return [(ratio, accuracy(ratio, **shape)) for ratio in ratios]


def compounded(ratios: list[float] = STEPS, **shape: float) -> Rows:
    return [(ratio, accuracy(real, **shape)) for ratio, real in zip(ratios, pruned_again(ratios), strict=True)]


def as_listed(ratios: list[float], digits: int = 4) -> Rows:
    return [(round(ratio, digits), accuracy(ratio)) for ratio in ratios]


def swapped(rows: Rows) -> Rows:
    return [(second, first) for first, second in rows]


def percent(rows: Rows, of_ratio: bool = True, of_accuracy: bool = True) -> Rows:
    return [(100 * a if of_ratio else a, round(100 * b, 2) if of_accuracy else b) for a, b in rows]


def notes_on(rows: Rows, heading: str = "ratio,accuracy\n") -> set[str]:
    text = heading + "".join(f"{first:g},{second:g}\n" for first, second in rows)
    evidence, _ = measure.measure(None, text.encode())
    return {note.id.removeprefix("pruning.points.") for note in evidence.notes}


KINDS: dict[str, list[Rows]] = {
    "": [
        honest(), honest(TENTHS), honest(knee=0.45), honest(knee=0.8, start=0.95), honest(slope=25, start=0.4),
        honest([0, 0.2, 0.4, 0.6, 0.8]), honest([0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95]), honest()[::-1], honest(slope=8),
        honest([0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]), honest([0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95]),
        [(ratio, 0.09) for ratio in TENTHS],
    ],
    "fall_early": [
        compounded(), compounded(knee=0.5), compounded(knee=0.7, start=0.9), compounded(TENTHS, knee=0.5),
        compounded(TENTHS), compounded(start=0.4, slope=25), compounded(knee=0.8),
    ],
    "ratios_compounded": [
        as_listed(pruned_again(STEPS)[:16]), as_listed(pruned_again(TENTHS)), as_listed(pruned_again(STEPS)[:10], 2),
        as_listed([1 - 0.9**step for step in range(20)]), as_listed([1 - 0.8**step for step in range(12)], 3),
        as_listed([1 - 0.5**step for step in range(7)]), as_listed([1 - 0.95**step for step in range(20)], 2),
    ],
    "swapped": [
        swapped(honest()), swapped(honest(TENTHS)), swapped(honest([0, 0.3, 0.5, 0.7, 0.8, 0.9])),
        swapped(honest([0, 0.25, 0.5, 0.9])), swapped(honest(knee=0.5, start=0.4)),
        swapped(honest([0, 0.5, 0.75, 0.95])),
    ],
    "percent": [
        percent(honest()), percent(honest(TENTHS), of_accuracy=False), percent(honest(), of_ratio=False),
        percent(honest([0, 0.5])), percent(honest([0, 0.2, 0.4, 0.6, 0.8])), percent(honest()[::-1]),
    ],
    "no_zero": [
        honest(STEPS[1:]), honest(TENTHS[1:]), honest(TENTHS[2:]), honest([0.2, 0.4, 0.6, 0.8]),
        honest(STEPS[1:])[::-1],
    ],
    "unordered": [
        honest([0, 0.5, 0.1, 0.9]), honest([0.9, 0, 0.1, 0.2, 0.3]), honest(STEPS[10:] + STEPS[:10]),
        honest([0, 0.1, 0.3, 0.2, 0.4]), honest([0, 0.9, 0.1, 0.8, 0.2, 0.7]),
    ],
    "repeated": [
        [*honest(), honest()[-1]], [honest()[0], *honest()],
        [row for row in honest() for _ in (1, 2)], [(0, 0.8), (0.5, 0.7), (0.5, 0.6), (0.9, 0.1)],
        [(0, 0.87), (0, 0.87)],
    ],
}  # fmt: skip
"""Tables of each kind of slip; the first kind is right."""
ROWS = [(kind, number) for kind, tables in KINDS.items() for number in range(len(tables))]


@pytest.mark.parametrize(("kind", "number"), ROWS)
def test_numbers_alone_show_the_slip_and_no_other(kind: str, number: int) -> None:
    assert notes_on(KINDS[kind][number]) == ({kind} - {""})


@pytest.mark.parametrize(("kind", "number"), ROWS)
def test_no_remark_on_points_moves_a_score(kind: str, number: int) -> None:
    hw13 = bundled("hw13")
    question = next(question for question in hw13.questions if question.check == "pruning")
    plain = PruningEvidence(picture={"format": "PNG"})
    text = "".join(f"{first:g},{second:g}\n" for first, second in KINDS[kind][number])
    noted = plain.model_copy(update={"notes": measure.measure(None, text.encode())[0].notes})
    before, after = (scoring.score(hw13, question.number, evidence) for evidence in (plain, noted))
    assert (before.score, before.verdict) == (after.score, after.verdict)
    assert len(after.messages) == len(before.messages) + (kind != "")


@pytest.mark.parametrize(("rows", "ratios"), [
    (swapped(honest([0, 0.3, 0.5, 0.7, 0.8, 0.9])), [0, 0.3, 0.5, 0.7, 0.8, 0.9]),
    (percent(honest([0, 0.5])), [0, 0.5]),
    (honest([0, 0.5, 0.1, 0.9]), [0, 0.1, 0.5, 0.9]),
])  # fmt: skip
def test_points_are_read_as_they_were_meant(rows: Rows, ratios: list[float]) -> None:
    text = "".join(f"{first:g},{second:g}\n" for first, second in rows)
    assert [ratio for ratio, _ in pruning_points.read(text.encode()).points] == pytest.approx(ratios)


def test_hint_from_numbers_alone_gives_way_to_the_measured_curve() -> None:
    hw13 = bundled("hw13")
    question = next(question for question in hw13.questions if question.check == "pruning")
    text = "".join(f"{ratio:g},{value:g}\n" for ratio, value in compounded())
    notes = measure.measure(None, text.encode())[0].notes
    compared = PointsCheck(verdict="agree", compared=20, agreeing=20, distances={})
    for check, is_told in ((None, True), (compared, False)):
        evidence = PruningEvidence(picture={"format": "PNG"}, notes=notes, points_check=check)
        told = {note.id for note in scoring.score(hw13, question.number, evidence).messages}
        assert ("pruning.points.fall_early" in told) is is_told
