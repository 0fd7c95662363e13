"""The order in which the ratios of a curve are measured: a useful curve after five, and no ratio that shows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = dict[str, float]
FEWEST = 5
"""Ratios that are measured of every curve, however much each of them costs."""


@dataclass(frozen=True)
class RatioOrder:
    """The ends first, then the middle of the widest gap.

    ``ratios`` rise. Beyond ``affordable`` of them a gap is measured only if accuracy changes across it by more than the
    intervals of its ends hold: within them, another point on the line between the two shows nothing.
    """

    ratios: Sequence[float]
    affordable: float

    def next_ratio(self, points: Sequence[Point]) -> float | None:
        """The ratio to measure after these points, which rise by ratio; ``None`` when the curve is complete."""
        if not points:
            return self.ratios[0]
        if len(points) == 1 and len(self.ratios) > 1:
            return self.ratios[-1]
        widest = max(self._gaps(points), key=len, default=None)
        return None if widest is None else self.ratios[widest[(len(widest) - 1) // 2]]

    def most_to_come(self, points: Sequence[Point]) -> int:
        """How many ratios at most are measured after these points."""
        if len(points) < 2:
            return len(self.ratios) - len(points)
        return sum(map(len, self._gaps(points)))

    def _gaps(self, points: Sequence[Point]) -> list[range]:
        """Indices of the ratios between neighbouring points, without the gaps that are not worth their cost."""
        measured = {point["ratio"]: point for point in points}
        places = [(index, measured[ratio]) for index, ratio in enumerate(self.ratios) if ratio in measured]
        is_affordable = len(points) < max(self.affordable, FEWEST)
        return [
            range(begin + 1, end)
            for (begin, left), (end, right) in pairwise(places)
            if end > begin + 1 and (is_affordable or not _are_alike(left, right))
        ]


def _are_alike(left: Point, right: Point) -> bool:
    """Whether each accuracy lies in the interval of the other."""
    return left["low"] <= right["accuracy"] <= left["high"] and right["low"] <= left["accuracy"] <= right["high"]
