"""Fill one column of a Canvas gradebook export; every byte outside that column stays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel

_BOM = b"\xef\xbb\xbf"
_LOGIN, _STUDENT_ID, _ID = "SIS Login ID", "SIS User ID", "ID"
_TITLE = re.compile(r"(?P<title>.*) \((?P<id>\d+)\)")
_SEPARATOR = re.compile(rb'(?:"[^"]*+"|[^",;\r\n]++)*+([,;])')
BYTE_LIMIT = 8 * 2**20
"""Bytes. A gradebook of a thousand students and two hundred columns has about one million."""
CELL_LIMIT = 1_000_000
"""Cells. Each takes a fifth of a kilobyte of memory."""
_OTHER_KINDS = (
    (b"PK\x03\x04", "an Excel workbook (.xlsx)"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook (.xls)"),
    (b"%PDF", "a PDF file"),
    (b"\xff\xfe", "a file in UTF-16"),
    (b"\xfe\xff", "a file in UTF-16"),
)
_EXPECTED = (
    "A gradebook as Canvas exports it is expected: a CSV file with commas or semicolons between its cells, whose first "
    "row begins with Student and names the columns. Export the gradebook in Canvas and send that file unchanged."
)


class GradebookError(ValueError):
    """The file is no usable gradebook export. ``columns`` are the ones that can be filled."""

    def __init__(self, message: str, columns: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.columns = list(columns)


@dataclass(frozen=True)
class StudentScore:
    """A student of the course. ``score`` is ``None`` while nothing is graded."""

    login: str
    student_id: str | None
    score: float | None


class Difference(BaseModel):
    """One cell that changes."""

    row: int
    student: str
    old: str
    new: str


class Untouched(BaseModel):
    """One cell that stays although the row is a student's: excused (``EX``), not assigned (``N/A``), read only."""

    row: int
    student: str
    cell: str


class Preview(BaseModel):
    """The changes to the column. Rows count from 1, the header; ``missing`` are graded students without a row."""

    column: str
    differences: list[Difference]
    untouched: list[Untouched]
    not_found: list[int]
    ambiguous: list[int]
    missing: list[str]


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
    if separator is None or _other_kind(data):
        raise _no_export(data)
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


def fill(data: bytes, students: Sequence[StudentScore], wanted: Sequence[str]) -> tuple[bytes, Preview]:
    """The file with the points in the column whose header, title or id is ``wanted``. Raises `GradebookError`."""
    rows = records(data)
    header = [field.text for field in rows[0]]
    if header[0] != "Student" or not {_LOGIN, _STUDENT_ID, _ID} & set(header):
        raise _no_export(data)
    at = _column(header, wanted)
    keys = _people(header, students)
    matches = [_matches(header, row, keys) for row in rows]
    times = Counter(next(iter(match)) for match in matches if len(match) == 1)
    preview = Preview(column=header[at], differences=[], untouched=[], not_found=[], ambiguous=[], missing=[])
    pieces: list[bytes] = []
    copied = 0
    for number, (row, match) in enumerate(zip(rows, matches, strict=True), 1):
        if number == 1 or len(row) == 1 or row[0].text.strip() in ("Points Possible", "Manual Posting", ""):
            continue
        if len(match) > 1 or any(times[person] > 1 for person in match):
            preview.ambiguous.append(number)
        elif not match or len(row) <= at:
            preview.not_found.append(number)
        else:
            person = students[next(iter(match))]
            cell = row[at]
            if cell.text.strip().upper() in ("EX", "N/A") or "read only" in cell.text:
                preview.untouched.append(Untouched(row=number, student=person.login, cell=cell.text))
            elif person.score is not None and not _same(cell.text, person.score):
                new = f"{person.score:.2f}"
                preview.differences.append(Difference(row=number, student=person.login, old=cell.text, new=new))
                quote = b'"' if data[cell.start : cell.start + 1] == b'"' else b""
                pieces += [data[copied : cell.start], quote, new.encode(), quote]
                copied = cell.end
    present = set[int]().union(*matches)
    preview.missing = [
        person.login for index, person in enumerate(students) if person.score is not None and index not in present
    ]
    return b"".join([*pieces, data[copied:]]), preview


def _other_kind(data: bytes) -> str | None:
    """The kind of a file whose first bytes are no text."""
    return next((kind for signature, kind in _OTHER_KINDS if data.startswith(signature)), None)


def _no_export(data: bytes) -> GradebookError:
    """The error for another file than an export, with a description of that file."""
    head = data.removeprefix(_BOM)[:10_000].strip()
    line = head.partition(b"\n")[0].strip().decode("utf-8", "replace")
    if not head:
        description = "is empty"
    elif kind := _other_kind(data):
        description = f"is {kind}"
    elif "\t" in line:
        description = "is a tab-separated file"
    else:
        description = f"begins with the line {line[:60]!r}"
    return GradebookError(f"The file {description}. {_EXPECTED}")


def _text(raw: bytes, row: int) -> str:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise GradebookError(f"Row {row} is not UTF-8 text.") from None
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def _column(header: Sequence[str], wanted: Sequence[str]) -> int:
    titles = {index: match for index, name in enumerate(header) if (match := _TITLE.fullmatch(name))}
    chosen = [index for index, match in titles.items() if {match[0], match["title"], match["id"]}.intersection(wanted)]
    if len(chosen) != 1:
        how = "No column" if not chosen else "More than one column"
        columns = [match[0] for match in titles.values()]
        offer = ", ".join(columns) or "none"
        raise GradebookError(f"{how} is called {' or '.join(wanted)}. Columns that can be filled: {offer}.", columns)
    return chosen[0]


def _people(header: Sequence[str], students: Sequence[StudentScore]) -> dict[str, dict[str, set[int]]]:
    """By column and cell the students it names. A login and an equal student number may name different people."""
    logins: dict[str, set[int]] = {}
    numbers: dict[str, set[int]] = {}
    for index, person in enumerate(students):
        logins.setdefault(person.login, set()).add(index)
        if person.student_id:
            numbers.setdefault(person.student_id, set()).add(index)
    if {_LOGIN, _STUDENT_ID} & set(header):
        # Canvas's own numbers in the column ID may equal another student's number at the school.
        return {_LOGIN: logins, _STUDENT_ID: numbers}
    return {_ID: {key: logins.get(key, set()) | numbers.get(key, set()) for key in {*logins, *numbers}}}


def _matches(header: Sequence[str], row: Sequence[Field], keys: Mapping[str, Mapping[str, set[int]]]) -> set[int]:
    """The students that the row's cells name; more than one if the cells contradict each other."""
    cells = {name: field.text.strip() for name, field in zip(header, row, strict=False)}
    return {index for name, students in keys.items() for index in students.get(cells.get(name, ""), ())}


def _same(old: str, score: float) -> bool:
    try:
        return round(float(old), 2) == round(score, 2)
    except ValueError:
        return False
