"""Options of the pruning check."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from grader.check import ForScoring, Options, Points
from grader.checks.pruning import curve


class PruningOptions(Options):
    """``provisional_points``: points of a usable plot, until it is reviewed; ``baseline_points`` add to them.

    ``ratios`` are those of the measured curve, ``data`` is the data set. Budgets are floating-point operations, the
    same for every model: ``sweep_flops`` of the curve, ``distillation_flops`` of the training of a model without
    weights, ``own_loss_flops`` of a second training, as long, by the student's own loss: none below the former budget.
    """

    provisional_points: Points
    baseline_points: Annotated[Mapping[str, float] | None, ForScoring] = None
    ratios: tuple[float, ...] = curve.RATIOS
    data: str | None = None
    sweep_flops: float = 1e12
    distillation_flops: float = 0.0
    own_loss_flops: float = 0.0
