"""The points behind a student's plot, beside the measured curve: do they agree, or do they show a known slip?

Two slips are common. Pruning the already pruned model again: each pass takes its share of what is left, so ratios
compound. And returning from the loop over the layers after the first one: then only that layer is pruned, and accuracy
hardly falls. Both have curves of their own, which the points are compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.evidence import Note, PointsCheck

Points = Sequence[tuple[float, float]]
Curve = Sequence[Mapping[str, float]]
FEWEST = 5
"""Points below which nothing is said of their curve."""
SLACK = 0.04
"""Accuracy that a point may lie beyond the interval of ours: the student's number has an error of its own."""
_AGREE_SHARE = 0.8
_NEAR, _CLEARLY = 0.1, 0.6
"""A slip is named where its curve is at most so far from the points, and at most this share of the true curve's way."""
_RISE = 0.1
Array = NDArray[np.float64]


def rising(points: Points) -> Note | None:
    """A remark where accuracy rises by much as more is pruned, beyond what chance could do."""
    lowest, at, worst = 2.0, 0.0, (0.0, 0.0, 0.0)
    for ratio, accuracy in points:
        worst = max(worst, (accuracy - lowest, at, ratio))
        if accuracy < lowest:
            lowest, at = accuracy, ratio
    rise, low, high = worst
    if rise <= _RISE:
        return None
    return Note(id="pruning.points.rising", params={"low": low, "high": high, "rise": rise})


def check(points: Points, curve: Curve, classes: int, first_layer: Curve = ()) -> PointsCheck | None:
    """Compare points ``(ratio, accuracy)`` with a measured curve; ``None`` where too few of them lie on its range."""
    ratios, ours = _column(curve, "ratio"), _column(curve, "accuracy")
    given = sorted((r, a) for r, a in points if ratios.size and ratios[0] - 1e-9 <= r <= ratios[-1] + 1e-9)
    if len(given) < FEWEST or len({r for r, _ in given}) < FEWEST:
        return None
    at, theirs = np.array([r for r, _ in given]), np.array([a for _, a in given])
    low = np.interp(at, ratios, _column(curve, "low")) - SLACK
    high = np.interp(at, ratios, _column(curve, "high")) + SLACK
    agreeing = int(((theirs >= low) & (theirs <= high)).sum())
    facts: dict[str, Any] = {"compared": len(given), "agreeing": agreeing}
    # Where they begin elsewhere, weights or pictures are others: then only the falls can be compared.
    of_shape = not low[0] <= theirs[0] <= high[0]
    candidates = {"curve": np.interp(at, ratios, ours), "compounded": np.interp(_compounded(at), ratios, ours)}
    if len(first_layer) > 1:
        known = _column(first_layer, "ratio")
        candidates["first_layer"] = np.interp(at, known, _column(first_layer, "accuracy"))
    chance = 1 / classes
    start = float(ours[0])
    distances = {name: _distance(theirs, found, start, chance, of_shape) for name, found in candidates.items()}
    facts |= {"distances": {name: round(value, 4) for name, value in distances.items()}, "of_shape": of_shape}
    if agreeing >= _AGREE_SHARE * len(given):
        return PointsCheck(verdict="agree", **facts)
    nearest = min(distances, key=lambda name: distances[name])
    if nearest != "curve" and distances[nearest] <= min(_NEAR, _CLEARLY * distances["curve"]):
        return PointsCheck(verdict="compounded" if nearest == "compounded" else "first_layer", **facts)
    return PointsCheck(verdict="differ", **facts)


def note(found: PointsCheck) -> Note:
    """What the student reads of it."""
    verdict = "shape" if found.verdict == "differ" and found.of_shape else found.verdict
    return Note(id=f"pruning.points.{verdict}", params={"agreeing": found.agreeing, "compared": found.compared})


def _column(curve: Curve, name: str) -> Array:
    return _numbers([point[name] for point in curve])


def _numbers(values: Sequence[float]) -> Array:
    return np.array(values, np.float64)


def _compounded(ratios: Array) -> Array:
    """What is pruned in truth when the ratios are applied one after the other to the same model, in this order."""
    effective: Array = np.asarray(1 - np.cumprod(1 - ratios), np.float64)
    return effective


def _distance(theirs: Array, ours: Array, start: float, chance: float, of_shape: bool) -> float:
    """Root mean square between two curves; of their falls to chance where ``of_shape``, so that both begin at 1."""
    if of_shape:
        theirs, ours = _left(theirs, float(theirs[0]), chance), _left(ours, start, chance)
    return float(np.sqrt(np.mean((theirs - ours) ** 2)))


def _left(accuracy: Array, start: float, chance: float) -> Array:
    left: Array = (accuracy - chance) / max(start - chance, 0.05)
    return left
