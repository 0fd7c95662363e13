"""Reading a Canvas gradebook export cell by cell, each with its range of bytes.

The layout: https://github.com/instructure/canvas-lms/blob/master/lib/gradebook_exporter.rb
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from app.presenting import file_kinds

_BOM = b"\xef\xbb\xbf"
_SEPARATOR = re.compile(rb'(?:"[^"]*+"|[^",;\r\n]++)*+([,;])')
_NUMBER = re.compile(r"-?[0-9.,]{1,40}")
BYTE_LIMIT = 8 * 2**20
"""Bytes. A gradebook of a thousand students and two hundred columns has about one million."""
CELL_LIMIT = 1_000_000
"""Cells. Each takes a fifth of a kilobyte of memory."""
_EXPECTED = (
    "A gradebook as Canvas exports it is expected: a CSV file with commas or semicolons between its cells, whose first "
    "row begins with Student (or LastName and FirstName) and names the columns. "
    "Export the gradebook in Canvas and send that file unchanged."
)


class GradebookError(ValueError):
    """The file is no usable gradebook export. ``columns`` are the ones that can be filled."""

    def __init__(self, message: str, columns: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.columns = list(columns)


class PointsDiffer(GradebookError):
    """The column has other points than the assignment, to which the scores can be scaled."""

    def __init__(self, message: str, column: str, possible: float) -> None:
        super().__init__(message, [column])
        self.possible = possible


class Field(NamedTuple):
    """A cell: its byte range in the file, quotes included, and its text."""

    start: int
    end: int
    text: str


def records(data: bytes) -> list[list[Field]]:
    """The cells of a file by row. The comma or semicolon after the first cell is the separator."""
    if len(data) > BYTE_LIMIT:
        raise GradebookError(f"The file has {len(data):,} bytes; at most {BYTE_LIMIT:,} are read. {_EXPECTED}")
    start = len(_BOM) if data.startswith(_BOM) else 0
    separator = _SEPARATOR.match(data, start)
    if separator is None or file_kinds.other_kind(data):
        raise no_export(data)
    mark = re.escape(separator[1])
    # Possessive quantifiers prevent backtracking into a malformed cell.
    cell = re.compile(rb'(?:"(?:[^"]++|"")*+"|[^"' + mark + rb"\r\n]*+)(?=" + mark + rb"|\r|\n|\Z)")
    rows: list[list[Field]] = []
    row: list[Field] = []
    cells = 0
    while True:
        cells += 1
        if cells > CELL_LIMIT:
            raise GradebookError(f"The file has more than {CELL_LIMIT:,} cells. {_EXPECTED}")
        match = cell.match(data, start)
        if match is None:
            raise GradebookError(f"Row {len(rows) + 1} has a quote that does not begin and end its cell.")
        row.append(Field(match.start(), match.end(), _text(match[0], len(rows) + 1)))
        start = match.end()
        if data[start : start + 1] == separator[1]:
            start += 1
            continue
        rows.append(row)
        row = []
        start += 2 if data[start : start + 2] == b"\r\n" else 1
        if start >= len(data):
            return rows


def no_export(data: bytes) -> GradebookError:
    """The error for another file than an export, with a description of that file."""
    head = data.removeprefix(_BOM)[:10_000].strip()
    line = head.partition(b"\n")[0].strip().decode("utf-8", "replace")
    if not head:
        description = "is empty"
    elif kind := file_kinds.other_kind(data):
        description = f"is {kind}"
    elif "\t" in line:
        description = "is a tab-separated file"
    else:
        description = f"begins with the line {line[:60]!r}"
    return GradebookError(f"The file {description}. {_EXPECTED}")


def number(text: str) -> float | None:
    """The number of a cell, also with a decimal comma; ``None`` for another text.

    Like Canvas's import, the last comma or point is the decimal one and all others are dropped.
    """
    if not _NUMBER.fullmatch(text.strip()):
        return None
    *whole, last = re.split(r"[.,]", text.strip())
    try:
        return float(f"{''.join(whole)}.{last}" if whole else last)
    except ValueError:
        return None


def is_points_row(row: Sequence[Field]) -> bool:
    """Whether the row says how many points each column has."""
    return row[0].text.strip().startswith("Points Possible")


def is_person(row: Sequence[Field]) -> bool:
    """Whether the row may be a student's, so neither points nor posting rules nor nothing."""
    return not is_points_row(row) and not all(_is_posting(field.text) for field in row)


def _is_posting(text: str) -> bool:
    """Whether a cell says that the scores of its column are posted by hand, or nothing."""
    folded = text.strip().casefold()
    return folded in ("", "muted") or folded.startswith("manual posting")


def _text(raw: bytes, row: int) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise GradebookError(f"Row {row} is not UTF-8 text.") from None
    return text[1:-1].replace('""', '"') if text.startswith('"') else text
