"""The order in which the ratios of a curve are measured, and where it ends."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from grader.checks.pruning.curve import RATIOS
from grader.checks.pruning.ratio_order import Point, RatioOrder

HALF_WIDTH = 0.09
"""Of the interval of 110 images."""


def falling(ratio: float) -> float:
    """The accuracy of a network that keeps it up to a half and has lost it at 0.85."""
    return min(0.8, max(0.09, 0.8 - 0.71 * (ratio - 0.5) / 0.35))


def measured(order: RatioOrder, accuracy: Callable[[float], float], count: float = math.inf) -> list[float]:
    """The ratios in the order in which they are measured, at most so many."""
    ratios: list[float] = []
    points: list[Point] = []
    while len(ratios) < count and (ratio := order.next_ratio(points)) is not None:
        assert order.most_to_come(points) > 0
        value = accuracy(ratio)
        point = {"ratio": ratio, "accuracy": value, "low": value - HALF_WIDTH, "high": value + HALF_WIDTH}
        points = sorted([*points, point], key=lambda point: point["ratio"])
        ratios.append(ratio)
    if order.next_ratio(points) is None:
        assert order.most_to_come(points) == 0
    return ratios


def test_five_points_span_the_curve() -> None:
    assert measured(RatioOrder(RATIOS, len(RATIOS)), falling, 5) == [0.0, 0.95, 0.45, 0.7, 0.2]


@pytest.mark.parametrize("accuracy", [falling, lambda _: 0.09])
def test_affordable_ratios_are_all_measured_once(accuracy: Callable[[float], float]) -> None:
    ratios = measured(RatioOrder(RATIOS, len(RATIOS)), accuracy)
    assert sorted(ratios) == list(RATIOS)


def test_beyond_the_budget_only_the_fall_is_measured_finely() -> None:
    ratios = sorted(measured(RatioOrder(RATIOS, 1), falling))
    assert [ratio for ratio in ratios if 0.45 < ratio < 0.82] == [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8]
    assert len(ratios) <= 12
    assert {0.0, 0.2, 0.45, 0.95} <= set(ratios)


def test_a_curve_without_a_fall_has_five_points_however_much_it_costs() -> None:
    assert len(measured(RatioOrder(RATIOS, 0.3), lambda _: 0.09)) == 5
    assert len(measured(RatioOrder(RATIOS, 8.5), lambda _: 0.09)) == 9


@pytest.mark.parametrize("ratios", [[0.0], [0.3], [0.0, 0.9], [0.0, 0.5, 0.9], [0.1, 0.11, 0.5, 0.99]])
def test_short_curves_are_measured_whole(ratios: list[float]) -> None:
    assert sorted(measured(RatioOrder(ratios, 0.1), falling)) == ratios


def test_what_is_to_come_shrinks_when_the_rest_shows_nothing() -> None:
    order = RatioOrder(RATIOS, 5)
    points: list[Point] = []
    counts = []
    for ratio in (0.0, 0.95, 0.45, 0.7, 0.2):
        counts.append(order.most_to_come(points))
        point = {"ratio": ratio, "accuracy": 0.5, "low": 0.4, "high": 0.6}
        points = sorted([*points, point], key=lambda point: point["ratio"])
    assert counts == [20, 19, 18, 17, 16]
    assert order.most_to_come(points) == 0
