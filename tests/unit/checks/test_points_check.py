"""The points behind a plot against curves of known shape: agreement, the two slips, and honest differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from grader.checks.pruning import points_check
from grader.checks.pruning.points_check import check, rising

RATIOS = [round(0.05 * step, 2) for step in range(20)]
Points = list[tuple[float, float]]


def accuracy(ratio: float, start: float = 0.8, knee: float = 0.6) -> float:
    """A network that holds until much is pruned, then falls to chance."""
    return 1 / 11 + (start - 1 / 11) / (1 + math.exp((ratio - knee) * 14)) * (1 + math.exp(-knee * 14))


def curve(half: float = 0.04) -> list[dict[str, float]]:
    known = [(ratio, accuracy(ratio)) for ratio in RATIOS]
    return [{"ratio": r, "accuracy": a, "low": a - half, "high": a + half} for r, a in known]


FIRST = [{"ratio": r, "accuracy": 0.8 - 0.15 * r} for r in (0.0, 0.2, 0.4, 0.6, 0.8, 0.95)]


def noisy(points: Points, by: float = 0.02, seed: int = 3) -> Points:
    draw = np.random.default_rng(seed)
    return [(ratio, float(np.clip(value + draw.normal(0, by), 0, 1))) for ratio, value in points]


def honest(**shape: float) -> Points:
    return [(r, accuracy(r, **shape)) for r in RATIOS]


def compounded(**shape: float) -> Points:
    left, points = 1.0, []
    for ratio in RATIOS:
        left *= 1 - ratio
        points.append((ratio, accuracy(1 - left, **shape)))
    return points


def first_layer(start: float = 0.8) -> Points:
    return [(r, (start - 0.15 * r)) for r in RATIOS]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("points", "verdict"), [(honest(), "agree"), (compounded(), "compounded"), (first_layer(), "first_layer")]
)
def test_own_weights_on_the_same_pictures(points: Points, verdict: str, seed: int) -> None:
    result = check(noisy(points, seed=seed), curve(), 11, FIRST)
    assert result is not None
    assert (result.verdict, result.of_shape, result.compared) == (verdict, False, 20)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("points", "verdict"),
    [(compounded(start=0.6), "compounded"), (first_layer(start=0.95), "first_layer")],
)
def test_other_weights_are_compared_by_their_falls(points: Points, verdict: str, seed: int) -> None:
    result = check(noisy(points, seed=seed), curve(), 11, FIRST)
    assert result is not None
    assert (result.verdict, result.of_shape) == (verdict, True)


@pytest.mark.parametrize("start", [0.5, 0.95])
@pytest.mark.parametrize("knee", [0.5, 0.6, 0.7])
def test_honest_curve_of_other_weights_is_no_slip(start: float, knee: float) -> None:
    result = check(noisy(honest(start=start, knee=knee)), curve(), 11, FIRST)
    assert result is not None
    assert result.verdict == "differ"
    assert points_check.note(result).id == "pruning.points.shape"


def test_points_that_fit_nothing_differ() -> None:
    result = check([(r, 0.8 if r < 0.3 else 0.75) for r in RATIOS], curve(), 11)
    assert result is not None
    assert (result.verdict, points_check.note(result).id) == ("differ", "pruning.points.differ")


@pytest.mark.parametrize("points", [[], honest()[:4], [(0.5, 0.7)] * 20, [(0.99, 0.1), (0.98, 0.1)]])
def test_too_few_points_say_nothing(points: Points) -> None:
    assert check(points, curve(), 11, FIRST) is None


def test_no_curve_says_nothing() -> None:
    assert check(honest(), [], 11) is None


def test_curve_that_rises_is_remarked_once_and_noise_is_not() -> None:
    assert rising(noisy(honest(), by=0.02)) is None
    note = rising([(0.0, 0.8), (0.3, 0.5), (0.5, 0.45), (0.9, 0.75)])
    assert note is not None
    assert (note.id, note.params["low"], note.params["high"]) == ("pruning.points.rising", 0.5, 0.9)
    assert note.params["rise"] == pytest.approx(0.3)
