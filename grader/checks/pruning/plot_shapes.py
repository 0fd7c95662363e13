"""Does a picture show anything like a plot of accuracy against ratio: a curve, bars, or points?

Text, tables, empty axes and diagrams of boxes have ink, but none of these shapes. The search is generous, because a
plot that it misses has half its points until the review: one shape is enough, on any background of the picture.

Ink is what differs from a background, on a grid of at most 384 cells a side. Each column of ink is split into runs.
Lengths are shares of the width or the height:

* a **curve** is a path of runs that touch, from left to right, 12% wide, that falls or rises by 10%. Frames, grids and
  axes are level or upright, and a line of text is no higher than its letters.
* **bars** are three blocks or more that end at one level, each 3% high, whose tops fall or rise.
* **points** are six marks or more of about one size with free space around them, which fall or rise together. Dashes of
  a line are such marks. Letters have neighbours, and single ones stand in no order.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_CELLS = 384
_BACKGROUNDS, _BACKGROUND_SHARE = 3, 0.08
"""Most backgrounds, and their least share of the cells: the page, the panel of the axes, a window around them."""
_CONTRAST = 48
"""Levels of 256 in one channel from the background to the faintest ink. Paper, noise and compression vary by half."""
_MOST_RUNS = 20_000
"""Noise has more. Plots have about a thousand, dense text ten thousand."""
_CURVE_WIDTH, _CURVE_FALL = 0.12, 0.1
_UPRIGHT = 0.06
"""A higher run is an upright line, whose height does not count as a fall: it may join two level lines."""
_MOST_STEP = 0.02
"""Most that counts of a fall from one run to the next: letters that touch jump from stroke to stroke."""
_HIGH_RUN = 0.15
"""A higher run is no line but an area, whose upper edge may be a curve."""
_EVEN_STEP = 12
"""Levels from one cell to the next in an area of one colour, the noise of a camera included."""
_MOST_GAP = 3
"""Columns of a curve that the upright line of a grid covers."""
_BARS, _BAR_WIDTH, _BAR_HEIGHT = 3, 0.01, 0.03
_POINTS, _POINT_SIDE, _POINTS_WIDTH, _POINTS_FALL = 6, 0.06, 0.2, 0.06
_IN_ORDER = 0.6
"""Least correlation of the ranks of heights and places. Six marks in no order have it once in five times."""

_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class _Run:
    """Ink without a gap in one column: its first and last row."""

    top: int
    bottom: int


@dataclass
class _Mark:
    """Ink that hangs together: its box, whose last column and row belong to it, and its area in cells."""

    left: int
    right: int
    top: int
    bottom: int
    area: int


_Path = tuple[float, int]
"""How far a path fell, in cells, and the column in which it began, negative: of two paths the larger is better."""
_Columns = Sequence[Sequence[_Run]]


def shows_plot(image: Image.Image) -> bool:
    """Whether a picture (grey or colour, 8 bits) holds a curve, bars or points."""
    pixels = np.asarray(image)
    for ink, has_areas in _inks(pixels if pixels.ndim == 3 else pixels[:, :, None]):
        columns, rows = _runs(ink), _runs(ink.T[::-1])
        if sum(map(len, columns)) > _MOST_RUNS:
            continue
        if _falls(columns, ink, has_areas) or _falls(columns[::-1], ink[:, ::-1], has_areas):
            return True
        if has_areas and (_are_bars(columns, *ink.shape) or _are_bars(rows, *ink.T.shape)):
            return True
        if _are_points(_marks(columns), ink):
            return True
    return False


def _inks(pixels: NDArray[np.uint8]) -> Iterator[tuple[_Mask, bool]]:
    """For each background the cells of which a pixel differs from it, and whether their areas are of even colours."""
    height, width, channels = pixels.shape
    size = -(-max(height, width) // _CELLS)
    rows, columns = height // size, width // size
    cells = pixels[: rows * size, : columns * size].reshape(rows, size, columns, size, channels)
    middle = cells[:, size // 2, :, size // 2].astype(np.int16)
    for level in _levels(middle):
        background = _fitted(middle, level)
        differs = np.zeros((rows, columns), bool)
        for channel in range(channels):
            shade = background[:, None, :, None, channel]
            differs |= (np.abs(cells[..., channel].astype(np.int16) - shade) > _CONTRAST).any((1, 3))
        yield differs, _is_even(middle, differs)


def _is_even(cells: NDArray[np.int16], ink: _Mask) -> bool:
    """Whether most ink has the colour of the ink below it, as areas that a program fills, and unlike a photo."""
    both = ink[1:] & ink[:-1]
    steps = np.abs(cells[1:] - cells[:-1]).max(-1)[both]
    return bool(steps.size and np.median(steps) <= _EVEN_STEP)


def _levels(cells: NDArray[np.int16]) -> list[NDArray[np.int16]]:
    """The commonest colours, in steps of 16 levels, that are no neighbours of each other."""
    flat = cells.reshape(-1, cells.shape[-1])
    colours, counts = np.unique(flat // 16, axis=0, return_counts=True)
    levels: list[NDArray[np.int16]] = []
    for index in np.argsort(-counts):
        if counts[index] < _BACKGROUND_SHARE * len(flat) or len(levels) == _BACKGROUNDS:
            break
        members = flat[(flat // 16 == colours[index]).all(1)]
        level = np.median(members, axis=0).astype(np.int16)
        if all(np.abs(level - other).max() > _CONTRAST for other in levels):
            levels.append(level)
    return levels


def _fitted(cells: NDArray[np.int16], level: NDArray[np.int16]) -> NDArray[np.int16]:
    """A background near a level, which may change slowly over the picture, as on a photographed screen."""
    rows, columns, _ = cells.shape
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], -1).reshape(-1, 6)
    flat = cells.reshape(-1, cells.shape[-1])
    shades = np.broadcast_to(level, flat.shape).astype(float)
    for _ in range(6):
        near = (np.abs(flat - shades) <= 20).all(1)
        if near.sum() < 0.05 * len(flat):
            break
        shades = terms @ np.linalg.lstsq(terms[near], flat[near].astype(float), rcond=None)[0]
    return shades.clip(0, 255).astype(np.int16).reshape(cells.shape)


def _runs(ink: _Mask) -> list[list[_Run]]:
    """The runs of each column, from above."""
    padded = np.zeros((ink.shape[0] + 2, ink.shape[1]), np.int8)
    padded[1:-1] = ink
    steps = np.diff(padded, axis=0).T
    columns: list[list[_Run]] = [[] for _ in range(ink.shape[1])]
    tops, bottoms = np.argwhere(steps == 1), np.argwhere(steps == -1)
    for (column, top), (_, below) in zip(tops.tolist(), bottoms.tolist(), strict=True):
        columns[column].append(_Run(top, below - 1))
    return columns


def _falls(columns: _Columns, ink: _Mask, has_areas: bool) -> bool:
    """Whether a path of touching runs from left to right is wide enough and falls far enough."""
    height, width = ink.shape
    high = _HIGH_RUN * height
    lines = [[run for run in column if has_areas or run.bottom - run.top < high] for column in columns]
    edges = [[run if run.bottom - run.top < high else _Run(run.top, run.top + 1) for run in runs] for runs in lines]
    paths: list[list[_Path]] = []
    for column, runs in enumerate(edges):
        paths.append([])
        for run in runs:
            path = max([(0.0, -column), *_paths_to(edges, paths, ink, column, run)])
            if column + path[1] >= _CURVE_WIDTH * width and path[0] >= _CURVE_FALL * height:
                return True
            paths[column].append(path)
    return False


def _paths_to(edges: _Columns, paths: Sequence[Sequence[_Path]], ink: _Mask, column: int, run: _Run) -> Iterator[_Path]:
    """The paths that reach a run: from the column before, or through the line of a grid."""
    upright, most = _UPRIGHT * ink.shape[0], _MOST_STEP * ink.shape[0]
    for gap in range(1, min(_MOST_GAP, column) + 1):
        # A gap of one column is a dash of a line, or the space between letters, which are level.
        if gap > 2 and not ink[(run.top + run.bottom) // 2, column - gap + 1 : column].all():
            return
        for index in _touching(edges[column - gap], run):
            former, (fall, start) = edges[column - gap][index], paths[column - gap][index]
            is_upright = max(run.bottom - run.top, former.bottom - former.top) > upright
            step = 0.0 if is_upright else (run.top + run.bottom - former.top - former.bottom) / 2
            yield fall + min(step, most), start


def _touching(column: Sequence[_Run], run: _Run) -> Iterator[int]:
    """The indices of a column's runs that touch a run of the next one, also by a corner."""
    first = bisect.bisect_left(column, run.top - 1, key=lambda other: other.bottom)
    for index in range(first, len(column)):
        if column[index].top > run.bottom + 1:
            return
        yield index


def _are_bars(columns: _Columns, height: int, width: int) -> bool:
    """Whether blocks stand on one level, side by side, with tops in order."""
    blocks: list[tuple[int, int, _Run]] = []
    for column, runs in enumerate(columns):
        run = max(runs, key=lambda run: run.bottom - run.top, default=None)
        if run is None or run.bottom - run.top < _BAR_HEIGHT * height:
            continue
        if blocks and blocks[-1][1] == column - 1 and abs(blocks[-1][2].top - run.top) <= 1:
            blocks[-1] = (blocks[-1][0], column, blocks[-1][2])
        else:
            blocks.append((column, column, run))
    bars = [(first, run) for first, last, run in blocks if last - first + 1 >= max(_BAR_WIDTH * width, 2)]
    if len(bars) < _BARS:
        return False
    floor = np.median([run.bottom for _, run in bars])
    standing = [(first, run.top) for first, run in bars if abs(run.bottom - floor) <= 0.02 * height]
    tops = {round(top / (0.02 * height)) for _, top in standing}
    return len(tops) >= _BARS and _is_in_order(standing)


def _marks(columns: _Columns) -> list[_Mark]:
    """The ink that hangs together, by the runs that touch in neighbouring columns."""
    parents: list[int] = []
    marks: list[_Mark] = []

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    begin = 0
    for column, runs in enumerate(columns):
        former, former_begin, begin = columns[column - 1] if column else (), begin, len(marks)
        for run in runs:
            own = len(marks)
            parents.append(own)
            marks.append(_Mark(column, column, run.top, run.bottom, run.bottom - run.top + 1))
            for index in _touching(former, run):
                first, second = sorted((root(own), root(former_begin + index)))
                if first != second:
                    parents[second] = first
                    marks[first] = _joined(marks[first], marks[second])
    return [mark for index, mark in enumerate(marks) if parents[index] == index]


def _joined(first: _Mark, second: _Mark) -> _Mark:
    return _Mark(
        min(first.left, second.left),
        max(first.right, second.right),
        min(first.top, second.top),
        max(first.bottom, second.bottom),
        first.area + second.area,
    )


def _are_points(marks: Sequence[_Mark], ink: _Mask) -> bool:
    """Whether enough marks of about one size stand free, wide apart and in order."""
    height, width = ink.shape
    side = _POINT_SIDE * max(height, width)
    free = []
    for mark in marks:
        size = max(mark.right - mark.left, mark.bottom - mark.top) + 1
        if not 2 <= size <= side:
            continue
        room = max(size // 2, 1)
        around = ink[max(mark.top - room, 0) : mark.bottom + room + 1, max(mark.left - room, 0) : mark.right + room + 1]
        if around.sum() == mark.area:
            free.append(mark)
    if len(free) < _POINTS:
        return False
    usual = np.median([mark.area for mark in free])
    alike = [mark for mark in free if usual / 2 <= mark.area <= 2 * usual]
    places = [((mark.left + mark.right) / 2, (mark.top + mark.bottom) / 2) for mark in alike]
    spread = np.ptp(places, axis=0) if places else (0, 0)
    is_spread = spread[0] >= _POINTS_WIDTH * width and spread[1] >= _POINTS_FALL * height
    return len(places) >= _POINTS and is_spread and _is_in_order(places)


def _is_in_order(places: Sequence[tuple[float, float]]) -> bool:
    """Whether heights fall or rise with the places across, by the correlation of their ranks."""
    across, down = (_ranks(np.asarray(values)) for values in zip(*places, strict=True))
    return bool(np.ptp(across) and np.ptp(down) and abs(np.corrcoef(across, down)[0, 1]) >= _IN_ORDER)


def _ranks(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """The place of each value among all; equal values share theirs."""
    ordered = np.sort(values)
    return (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2
