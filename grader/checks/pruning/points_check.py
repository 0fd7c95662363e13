"""Compare the points of a student's plot with the measured curve, and with the curves of two known slips.

The first slip prunes the already pruned model again: each pass prunes its share of the remaining weights, so ratios
compound. The second returns from the loop over the layers after the first one: only that layer is pruned, and accuracy
hardly falls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.checks.pruning.evidence import PointsCheck, PruningFact
from grader.evidence import Observation

Points = Sequence[tuple[float, float]]
Curve = Sequence[Mapping[str, float]]
FEWEST = 5
"""With fewer points there is no comparison."""
SLACK = 0.04
"""How far in accuracy a point may lie outside the measured interval: the student's number has an error too."""
_AGREE_SHARE = 0.8
_NEAR, _CLEARLY = 0.1, 0.6
"""A slip is reported if the points lie at most this far from its curve, and at most this share as far as from the
true curve."""
_RISE = 0.1
Array = NDArray[np.float64]


def rising(points: Points) -> Observation | None:
    """A note if accuracy rises with the ratio by more than chance can explain."""
    lowest, ratio_of_lowest, worst = 2.0, 0.0, (0.0, 0.0, 0.0)
    for ratio, accuracy in points:
        worst = max(worst, (accuracy - lowest, ratio_of_lowest, ratio))
        if accuracy < lowest:
            lowest, ratio_of_lowest = accuracy, ratio
    rise, low, high = worst
    if rise <= _RISE:
        return None
    return Observation(id=PruningFact.POINTS_RISING, params={"low": low, "high": high, "rise": rise})


def check(points: Points, curve: Curve, classes: int, first_layer: Curve = ()) -> PointsCheck | None:
    """Compare points ``(ratio, accuracy)`` with a measured curve; ``None`` if too few of them lie in its range."""
    curve_ratios, measured = _column(curve, "ratio"), _column(curve, "accuracy")
    in_range = sorted(
        (ratio, accuracy)
        for ratio, accuracy in points
        if curve_ratios.size and curve_ratios[0] - 1e-9 <= ratio <= curve_ratios[-1] + 1e-9
    )
    if len({ratio for ratio, _ in in_range}) < FEWEST:
        return None
    ratios = np.array([ratio for ratio, _ in in_range])
    accuracies = np.array([accuracy for _, accuracy in in_range])
    low = np.interp(ratios, curve_ratios, _column(curve, "low")) - SLACK
    high = np.interp(ratios, curve_ratios, _column(curve, "high")) + SLACK
    agreeing = int(((accuracies >= low) & (accuracies <= high)).sum())
    # A different first accuracy means other weights or pictures: only the falls can be compared then.
    of_shape = not low[0] <= accuracies[0] <= high[0]
    candidates = {
        "curve": np.interp(ratios, curve_ratios, measured),
        "compounded": np.interp(_compounded(ratios), curve_ratios, measured),
    }
    if len(first_layer) > 1:
        layer_ratios, layer_accuracies = _column(first_layer, "ratio"), _column(first_layer, "accuracy")
        candidates["first_layer"] = np.interp(ratios, layer_ratios, layer_accuracies)
    start, chance = float(measured[0]), 1 / classes
    distances = {
        name: _distance(accuracies, candidate, start, chance, of_shape) for name, candidate in candidates.items()
    }
    facts: dict[str, Any] = {
        "compared": len(in_range),
        "agreeing": agreeing,
        "distances": {name: round(value, 4) for name, value in distances.items()},
        "of_shape": of_shape,
    }
    if agreeing >= _AGREE_SHARE * len(in_range):
        return PointsCheck(verdict="agree", **facts)
    nearest = min(distances, key=lambda name: distances[name])
    if nearest != "curve" and distances[nearest] <= min(_NEAR, _CLEARLY * distances["curve"]):
        return PointsCheck(verdict="compounded" if nearest == "compounded" else "first_layer", **facts)
    return PointsCheck(verdict="differ", **facts)


def note(check: PointsCheck) -> Observation:
    """The message for the student."""
    verdict = "shape" if check.verdict == "differ" and check.of_shape else check.verdict
    return Observation(
        id=PruningFact(f"pruning.points.{verdict}"), params={"agreeing": check.agreeing, "compared": check.compared}
    )


def _column(curve: Curve, name: str) -> Array:
    return np.array([point[name] for point in curve], np.float64)


def _compounded(ratios: Array) -> Array:
    """The shares that are really pruned when the ratios are applied in this order to the same model."""
    effective: Array = np.asarray(1 - np.cumprod(1 - ratios), np.float64)
    return effective


def _distance(accuracies: Array, candidate: Array, start: float, chance: float, of_shape: bool) -> float:
    """Root mean square between two curves; with ``of_shape``, between their falls from 1 to chance."""
    if of_shape:
        accuracies, candidate = _fall(accuracies, float(accuracies[0]), chance), _fall(candidate, start, chance)
    return float(np.sqrt(np.mean((accuracies - candidate) ** 2)))


def _fall(accuracies: Array, start: float, chance: float) -> Array:
    fall: Array = (accuracies - chance) / max(start - chance, 0.05)
    return fall
