"""The points of a pruning plot: CSV with a ratio and an accuracy in each line."""

from __future__ import annotations

import csv
import itertools
import math
import re
from dataclasses import dataclass

from grader.checks.pruning.evidence import PruningFact
from grader.evidence import Observation
from grader.intake import encoding

BYTE_LIMIT = 1024 * 1024
POINT_LIMIT = 200
"""Most points that are kept. The usual plot has twenty."""
_FEWEST_STEPS = 5
"""Points from which equal steps are no chance."""
_COLUMNS = 2
_RATIO = re.compile(r"ratio|sparsity|prun|amount|剪枝", re.IGNORECASE)
_ACCURACY = re.compile(r"acc|準確|准确", re.IGNORECASE)


@dataclass(frozen=True)
class Points:
    """The points in order of ratio, both numbers between 0 and 1, and notes on them."""

    points: tuple[tuple[float, float], ...] = ()
    notes: tuple[Observation, ...] = ()


def read(data: bytes) -> Points:
    """Parse an upload. It never raises: anything unusable becomes a note."""
    if len(data) > BYTE_LIMIT:
        return Points(
            notes=(Observation(id=PruningFact.POINTS_TOO_LARGE, params={"size": len(data), "limit": BYTE_LIMIT}),)
        )
    decoded = encoding.decode(data)
    if isinstance(decoded, Observation):
        return Points(notes=(Observation(id=PruningFact.POINTS_UNREADABLE),))
    rows, bad = _rows(decoded.text)
    if not rows:
        return Points(notes=(Observation(id=PruningFact.POINTS_UNREADABLE),))
    notes: list[Observation] = []
    if bad:
        notes.append(Observation(id=PruningFact.POINTS_SKIPPED, params={"count": len(bad), "line": bad[0]}))
    if _are_swapped(rows):
        rows = [(second, first) for first, second in rows]
        notes.append(Observation(id=PruningFact.POINTS_SWAPPED))
    ratios, ratios_scaled = _as_fractions([ratio for ratio, _ in rows])
    accuracies, accuracies_scaled = _as_fractions([accuracy for _, accuracy in rows])
    if ratios_scaled or accuracies_scaled:
        notes.append(Observation(id=PruningFact.POINTS_PERCENT))
    in_range = [
        (ratio, accuracy)
        for ratio, accuracy in zip(ratios, accuracies, strict=True)
        if 0 <= ratio <= 1 and 0 <= accuracy <= 1
    ]
    points = sorted(in_range)
    if not _is_ordered([ratio for ratio, _ in in_range]):
        notes.append(Observation(id=PruningFact.POINTS_UNORDERED))
    if len(points) < len(rows):
        notes.append(Observation(id=PruningFact.POINTS_OUT_OF_RANGE, params={"count": len(rows) - len(points)}))
    if len(points) > POINT_LIMIT:
        notes.append(Observation(id=PruningFact.POINTS_TOO_MANY, params={"count": len(points), "limit": POINT_LIMIT}))
        points = points[:POINT_LIMIT]
    if len({ratio for ratio, _ in points}) < len(points):
        notes.append(Observation(id=PruningFact.POINTS_REPEATED))
    return Points(tuple(points), tuple(notes))


def _are_swapped(rows: list[tuple[float, float]]) -> bool:
    """Whether the accuracy stands first: it falls, and only the second column has equal steps up, or rises from 0.

    An accuracy of exactly 0 is rarer than chance, and a ratio of 0 is in nearly every table.
    """
    first, second = zip(*rows, strict=True)
    if len(rows) < _FEWEST_STEPS - 1 or _is_grid(first) or not (second[0] < second[-1] and first[-1] < first[0]):
        return False
    rises_from_zero = second[0] == 0 and all(before < after for before, after in itertools.pairwise(second))
    return (len(rows) >= _FEWEST_STEPS and _is_grid(second)) or (rises_from_zero and 0 not in first)


def _is_ordered(values: list[float]) -> bool:
    """Whether values never fall, or never rise."""
    pairs = list(itertools.pairwise(values))
    return all(before <= after for before, after in pairs) or all(before >= after for before, after in pairs)


def _is_grid(values: tuple[float, ...]) -> bool:
    """Whether values go up in equal steps, or down."""
    steps = [after - before for before, after in itertools.pairwise(values)]
    return abs(steps[0]) > 0 and all(math.isclose(step, steps[0], rel_tol=1e-6) for step in steps)


def _rows(text: str) -> tuple[list[tuple[float, float]], list[int]]:
    """The number pairs, and the lines (from 1) without one, except the first line, which may be a heading."""
    # A comma is a decimal comma only if the text has another separator.
    separator = next((mark for mark in (";", "\t", ",") if mark in text), None)
    lines = text.split("\n")
    across = _pairs_across([line for line in lines if line.strip()], separator)
    if across:
        return across, []
    columns = _named_columns(lines[0], separator) or ((1, 2) if _has_index(lines, separator) else (0, 1))
    pairs: list[tuple[float, float]] = []
    bad: list[int] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        pair = _pair(line, separator, columns)
        if pair is not None:
            pairs.append(pair)
        elif number > 1:
            bad.append(number)
    return pairs, bad


def _named_columns(heading: str, separator: str | None) -> tuple[int, int] | None:
    """The columns of the ratio and the accuracy by the heading's words."""
    try:
        cells = _cells(heading, separator)
    except (csv.Error, StopIteration):
        return None
    accuracies = [index for index, cell in enumerate(cells) if _ACCURACY.search(cell)]
    ratios = [index for index, cell in enumerate(cells) if _RATIO.search(cell) and index not in accuracies]
    # The first of two similar columns, such as training and test accuracy.
    return (ratios[0], accuracies[0]) if ratios and accuracies else None


def _has_index(lines: list[str], separator: str | None) -> bool:
    """Whether the first of three columns without names counts the rows, as pandas writes it, before even ratios."""
    rows = [row for line in lines if len(row := _numbers_of(line, separator)) > _COLUMNS]
    if len(rows) < _FEWEST_STEPS:
        return False
    index, ratios = ([row[column] for row in rows] for column in range(_COLUMNS))
    return index == [*range(len(rows))] and _is_grid(tuple(ratios))


def _pairs_across(lines: list[str], separator: str | None) -> list[tuple[float, float]]:
    """The pairs of a file with all ratios in one line and all accuracies in the other."""
    if len(lines) != _COLUMNS:
        return []
    first, second = (_numbers_of(line, separator) for line in lines)
    return list(zip(first, second, strict=True)) if len(first) == len(second) >= _FEWEST_STEPS else []


def _numbers_of(line: str, separator: str | None) -> list[float]:
    """The numbers of a line, which may begin with a name; empty if anything else stands there."""
    try:
        cells = [cell for cell in _cells(line, separator) if cell.strip()]
    except (csv.Error, StopIteration):
        return []
    numbers = [_number_or_none(cell, separator) for cell in cells]
    numbers = numbers[1:] if numbers[:1] == [None] else numbers
    return [] if None in numbers else [number for number in numbers if number is not None]


def _number_or_none(cell: str, separator: str | None) -> float | None:
    try:
        return _number(cell, separator)
    except ValueError:
        return None


def _cells(line: str, separator: str | None) -> list[str]:
    return next(csv.reader([line], delimiter=separator)) if separator else line.split()


def _pair(line: str, separator: str | None, columns: tuple[int, int]) -> tuple[float, float] | None:
    try:
        cells = _cells(line, separator)
        first, second = (_number(cells[column], separator) for column in columns)
    except (ValueError, IndexError, csv.Error, StopIteration):
        return None
    return first, second


def _number(cell: str, separator: str | None) -> float:
    text = cell.strip().strip("\"'()[] ").removeprefix("tensor(").strip()
    is_percent = text.endswith("%")
    text = text.removesuffix("%").strip()
    if separator != ",":
        text = text.replace(",", ".")
    value = float(text)
    # float() also takes "nan", "inf" and "1_000", which no plotting script writes.
    if not math.isfinite(value) or "_" in text:
        raise ValueError(text)
    return value / 100 if is_percent else value


def _as_fractions(values: list[float]) -> tuple[list[float], bool]:
    """Percentages as fractions, if all values are from 0 to 100 and most but zeros above 1; and whether they were."""
    above_one = sum(value > 1 for value in values)
    if above_one * 2 > sum(value != 0 for value in values) and all(0 <= value <= 100 for value in values):
        return [value / 100 for value in values], True
    return values, False
