"""The sums of a regrade's changes: how many submissions gain or lose points, and how many on average."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from app.regrades.models import LATE
from app.regrades.schemas import ChangeView


@dataclass(frozen=True)
class Sums:
    """Submissions by the change of their points before lateness; ``mean`` is the mean change of those that move.

    ``same`` change in verdict or messages alone, or have points set by hand. ``late`` change in what lateness deducts.
    """

    up: int
    down: int
    same: int
    late: int
    mean: float | None


def of_changes(changes: Iterable[ChangeView]) -> Sums:
    """The sums of these changes. Points set by hand stay, so they count as no change."""
    deltas: dict[uuid.UUID, float] = defaultdict(float)
    late = 0
    for change in changes:
        if change.question == LATE:
            late += 1
        else:
            stays = change.override is not None
            deltas[change.submission] += 0.0 if stays else (change.new or 0.0) - (change.old or 0.0)
    moves = [round(delta, 6) for delta in deltas.values()]
    moved = [delta for delta in moves if delta]
    up = sum(delta > 0 for delta in moved)
    mean = sum(moved) / len(moved) if moved else None
    return Sums(up, len(moved) - up, len(moves) - len(moved), late, mean)
