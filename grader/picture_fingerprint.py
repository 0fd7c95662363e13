"""A small picture of a plot's ink, by which near-identical plots of a class are found.

The ink, whatever differs from the commonest colour, is cut out and drawn on 24 x 24 cells of 16 levels, relative to its
mean. Another size, format or margin of the same plot changes it little, another curve on the same axes more. With plots
of matplotlib, copies that were scaled, saved as JPEG or cropped by 3% lie up to 0.11 apart, two trainings 0.18 or more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 24
NEAR = 0.13
"""Pictures at this distance or less are near-identical."""
_LEVELS = 15
_MEAN_LEVEL = 4
_READ_SIDE = 768
"""Pixels. A larger picture is reduced first, so that memory is bounded."""
_NOISE, _INK = 8, 60
"""Levels of 256 from the background: up to the first is noise, beyond the second is ink that bounds the plot."""
_PANEL, _SHARE = 48, 0.08
"""Most levels between the page and the panel of the axes, and the panel's least share of the pixels."""
_LEAST_INK = 0.002
"""Least share of ink in a row or column inside the bounds, so that specks of compression do not widen them."""


def fingerprint(image: Image.Image) -> str | None:
    """The fingerprint of a picture (grey or colour, 8 bits) in hexadecimal digits; ``None`` without ink."""
    factor = -(-max(image.size) // _READ_SIDE)
    pixels = np.asarray((image.reduce(factor) if factor > 1 else image).convert("RGB")).astype(np.int16)
    ink = np.min([np.abs(pixels - background).max(-1) for background in _backgrounds(pixels)], axis=0)
    rows, columns = (np.flatnonzero((ink > _INK).mean(axis) > _LEAST_INK) for axis in (1, 0))
    if len(rows) < 2 or len(columns) < 2:
        return None
    inside = np.where(ink > _NOISE, ink, 0)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    drawn = Image.fromarray(inside.clip(0, 255).astype(np.uint8))
    cells = np.asarray(drawn.resize((SIDE, SIDE), Image.Resampling.BILINEAR)).astype(float).ravel()
    if not cells.any():
        return None
    levels = np.round(cells / cells.mean() * _MEAN_LEVEL).clip(0, _LEVELS).astype(int)
    return "".join(f"{level:x}" for level in levels)


class Fingerprint:
    """A fingerprint that is compared with many others."""

    def __init__(self, digits: str) -> None:
        levels = [int(digit, 16) for digit in digits]
        self._sum = sum(levels)
        # One bit for each level of a cell: the bits in which two numbers differ are the sum of the differences.
        self._bits = int("".join("1" * level + "0" * (_LEVELS - level) for level in levels) or "0", 2)

    def distance(self, other: Fingerprint) -> float:
        """The share of all ink that only one of two pictures has, from 0 to 1."""
        differing = (self._bits ^ other._bits).bit_count()
        return 2 * differing / (self._sum + other._sum + differing) if differing else 0.0


def _backgrounds(pixels: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """The commonest colour in steps of 16 levels, by a sample, and the next one if it may be the panel of the axes."""
    step = max(1, min(pixels.shape[:2]) // 128)
    sample = pixels[::step, ::step].reshape(-1, 3)
    colours, counts = np.unique(sample // 16, axis=0, return_counts=True)
    levels: list[NDArray[np.int16]] = []
    for index in np.argsort(-counts)[:4]:
        level = np.median(sample[(sample // 16 == colours[index]).all(1)], axis=0).astype(np.int16)
        distance = np.abs(level - levels[0]).max() if levels else 0
        if not levels or (len(levels) == 1 and _NOISE < distance <= _PANEL and counts[index] >= _SHARE * len(sample)):
            levels.append(level)
    return levels
