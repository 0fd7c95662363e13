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
_ROUNDING = 0.0101
"""How far the difference of two ratios that are written with two digits lies from the true one."""
_EARLY, _LATE, _FALL = 0.1, 0.7, 0.15
"""An early fall is looked for in a curve from a ratio of at most 0.1 to at least 0.7 that falls by so much."""
_HALF_AT, _END_AT = 0.4, 0.55
"""The ratios before which an early fall is half over, and over."""
_KNEES = (0.4, 0.9)
"""The shares at which networks lose half of their fall."""
Array = NDArray[np.float64]


def remarks(points: Points) -> tuple[Observation, ...]:
    """What the numbers alone show, in the order of their ratios: facts for remarks, which decide no points."""
    if not points:
        return ()
    no_zero = Observation(id=PruningFact.POINTS_NO_ZERO, params={"first": points[0][0]}) if points[0][0] > 0 else None
    compounded = Observation(id=PruningFact.POINTS_RATIOS_COMPOUNDED) if _are_compounded(points) else None
    early = None if compounded is not None else _early_fall(points)
    return tuple(remark for remark in (no_zero, compounded, early, rising(points)) if remark is not None)


def _are_compounded(points: Points) -> bool:
    """Whether the ratios are the shares that are pruned when each step prunes the pruned model again.

    Each step then leaves the same share of what is left, as 1 - (1 - r)^k does, or a share that falls evenly, as
    0.05, 0.10, 0.15, ... one after another do. Equal steps of the ratio itself are what the task asks for.
    """
    kept = 1 - np.array(sorted({ratio for ratio, _ in points} | {0.0}))
    steps = np.diff(kept)
    if len(kept) < FEWEST + 1 or kept[-1] <= 0 or np.ptp(steps) < _ROUNDING:
        return False
    shares = 1 - kept[1:] / kept[:-1]
    slack = _ROUNDING / kept[:-1]  # a rounding of the ratio weighs the more, the less is left
    numbers = np.arange(len(shares))
    fits = [np.polyval(np.polyfit(numbers, shares, degree, w=1 / slack), numbers) for degree in (0, 1)]
    falls = shares[-1] < shares[0] - slack[-1]
    return not falls and any(bool((np.abs(shares - fit) <= slack).all()) for fit in fits)


def _early_fall(points: Points) -> Observation | None:
    """A fact if accuracy falls as early as that of a model which is pruned again at each ratio.

    Small networks keep their accuracy up to a share of about a half. Some are fragile, so this is no more than a hint.
    """
    ratios, accuracies = np.array(points).T
    start, floor = accuracies[0], accuracies.min()
    distinct = np.unique(ratios)
    has_curve = len(distinct) >= FEWEST and ratios[0] <= _EARLY and ratios[-1] >= _LATE and len(distinct) == len(ratios)
    if not has_curve or start - floor < _FALL:
        return None
    half = _crossing(ratios, accuracies, (start + floor) / 2)
    end = _crossing(ratios, accuracies, floor + 0.15 * (start - floor))
    pruned = float(np.interp(half, distinct, _compounded(distinct)))
    if half >= _HALF_AT or end >= _END_AT or not _KNEES[0] <= pruned <= _KNEES[1]:
        return None
    return Observation(id=PruningFact.POINTS_FALL_EARLY, params={"ratio": round(half, 2), "pruned": round(pruned, 2)})


def _crossing(ratios: Array, accuracies: Array, level: float) -> float:
    """The first ratio at which a curve has fallen to a level, between two points."""
    at = int(np.argmax(accuracies <= level))
    if at == 0:
        return float(ratios[0])
    share = (accuracies[at - 1] - level) / (accuracies[at - 1] - accuracies[at])
    return float(ratios[at - 1] + share * (ratios[at] - ratios[at - 1]))


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
