"""A fingerprint reduces a loss's answer to a few numbers, so that hundreds of known answers fit in a small table.

A scalar is its own fingerprint. Any other shape, and the gradient, are projected on fixed directions; answers with
equal projections on all cases count as equal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GRADIENT_DIRECTIONS = 2


@dataclass(frozen=True)
class Fingerprint:
    """The answer to one case. ``shape`` is None when the loss returned no number; what is not finite becomes NaN.

    ``gradient`` is None when the value does not depend on the student's logits, or is no scalar.
    """

    shape: tuple[int, ...] | None
    value: float = math.nan
    gradient: tuple[float, ...] | None = None


def fingerprint(value: NDArray[np.float64] | None, gradient: NDArray[np.float64] | None) -> Fingerprint:
    """The fingerprint of a value of any shape and of its gradient ``(N, C)``."""
    if value is None:
        return Fingerprint(shape=None)
    if value.size != 1:
        return Fingerprint(shape=value.shape, value=_project(value, 0))
    number = float(value.reshape(()))
    projected = None if gradient is None else tuple(_project(gradient, k) for k in range(GRADIENT_DIRECTIONS))
    return Fingerprint(shape=(), value=number if math.isfinite(number) else math.nan, gradient=projected)


def _project(array: NDArray[np.float64], direction: int) -> float:
    if not np.isfinite(array).all():
        return math.nan
    steps = np.arange(1, array.size + 1, dtype=np.float64)
    return float(array.ravel() @ np.cos((1.0 + 0.37 * direction) * steps))
