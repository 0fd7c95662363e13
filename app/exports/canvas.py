"""Fill one column of a Canvas gradebook export; every byte outside that column stays."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from app.exports.canvas_file import (
    Field,
    GradebookError,
    PointsDiffer,
    is_person,
    is_points_row,
    no_export,
    number,
    records,
)

_LOGIN, _STUDENT_ID, _ID = "SIS Login ID", "SIS User ID", "ID"
_NAMES = (["Student"], ["LastName", "FirstName"])
_TITLE = re.compile(r"(?P<title>.*) \((?P<id>\d+)\)", re.DOTALL)


@dataclass(frozen=True)
class StudentScore:
    """A student of the course. ``score`` is ``None`` while nothing is graded.

    It is provisional while a question waits for review; while an attempt has no result, the student is unfinished. An
    excused student's cell becomes ``EX``, with which Canvas excuses. The row of a student who is left out stays.
    """

    login: str
    student_id: str | None
    score: float | None
    is_provisional: bool = False
    is_unfinished: bool = False
    is_excused: bool = False
    is_left_out: bool = False


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
    """The changes to the column. Rows count from 1, the header; ``missing`` are graded students without a row.

    ``provisional``, ``unfinished`` and ``without_submission`` are students of the file: whose score waits for review,
    who have an attempt without a result, and who have submitted nothing. ``names`` has the first cells of the rows that
    are ``not_found`` or ``ambiguous``. ``points_possible`` are the column's in Canvas; scores are times ``factor``.
    """

    column: str
    points_possible: float | None
    factor: float
    differences: list[Difference]
    untouched: list[Untouched]
    not_found: list[int]
    ambiguous: list[int]
    missing: list[str]
    provisional: list[str]
    unfinished: list[str]
    without_submission: list[str]
    names: dict[int, str]


def fill(
    data: bytes, students: Sequence[StudentScore], wanted: Sequence[str], max_score: float, *, scale: bool = False
) -> tuple[bytes, Preview]:
    """The file with the scores in the column whose header, title or id is ``wanted``.

    With ``scale`` the scores, of ``max_score``, are scaled to the column's Points Possible. Raises `GradebookError`.
    """
    rows = records(data)
    header = [field.text for field in rows[0]]
    if not any(header[: len(names)] == names for names in _NAMES) or not {_LOGIN, _STUDENT_ID, _ID} & set(header):
        raise no_export(data)
    points = next((row for row in rows[1:] if is_points_row(row)), ())
    at = _column(header, points, wanted)
    possible = number(points[at].text) if len(points) > at else None
    factor = _factor(header[at], possible, max_score, scale=scale)
    people = _People(header, students)
    matches = [people.of_row(row) if index and is_person(row) else None for index, row in enumerate(rows)]
    times = Counter(next(iter(match)) for match in matches if match is not None and len(match) == 1)
    present = {index for match in matches if match is not None for index in match}
    preview = _preview(header[at], possible, factor, students, present)
    pieces: list[bytes] = []
    copied = 0
    for line, (row, match) in enumerate(zip(rows, matches, strict=True), 1):
        if match is None:
            continue
        if len(match) > 1 or any(times[person] > 1 for person in match):
            preview.ambiguous.append(line)
            preview.names[line] = row[0].text
        elif not match or len(row) <= at:
            preview.not_found.append(line)
            preview.names[line] = row[0].text
        else:
            person = students[next(iter(match))]
            if person.is_left_out:
                continue
            cell = row[at]
            new = f"{person.score * factor:.2f}" if person.score is not None else None
            if person.is_excused:
                new = "EX"
            if cell.text.strip().upper() in ("EX", "N/A") or "read only" in cell.text:
                preview.untouched.append(Untouched(row=line, student=person.login, cell=cell.text))
            elif new is not None and (person.is_excused or not _same(cell.text, new)):
                preview.differences.append(Difference(row=line, student=person.login, old=cell.text, new=new))
                quote = b'"' if data[cell.start : cell.start + 1] == b'"' else b""
                pieces += [data[copied : cell.start], quote, new.encode(), quote]
                copied = cell.end
    return b"".join([*pieces, data[copied:]]), preview


def _preview(
    column: str, possible: float | None, factor: float, students: Sequence[StudentScore], present: set[int]
) -> Preview:
    """The preview with the students of the file by their state, and without a row yet."""
    listed = [students[index] for index in sorted(present) if not students[index].is_left_out]
    return Preview(
        column=column,
        points_possible=possible,
        factor=factor,
        differences=[],
        untouched=[],
        not_found=[],
        ambiguous=[],
        missing=[
            person.login
            for index, person in enumerate(students)
            if person.score is not None and index not in present and not person.is_left_out
        ],
        provisional=[person.login for person in listed if person.is_provisional],
        unfinished=[person.login for person in listed if person.is_unfinished],
        without_submission=[
            person.login
            for person in listed
            if not (person.score is not None or person.is_unfinished or person.is_excused)
        ],
        names={},
    )


def _column(header: Sequence[str], points: Sequence[Field], wanted: Sequence[str]) -> int:
    titles = {index: match for index, name in enumerate(header) if (match := _TITLE.fullmatch(name))}
    names = {name.strip().casefold() for name in wanted}
    chosen = [
        index
        for index, match in titles.items()
        if {match[group].strip().casefold() for group in (0, "title", "id")} & names
    ]
    columns = [match[0] for index, match in titles.items() if not _read_only(points, index)]
    offer = f"Columns that can be filled: {', '.join(columns) or 'none'}."
    if len(chosen) != 1:
        how = "No column" if not chosen else "More than one column"
        raise GradebookError(f"{how} is called {' or '.join(wanted)}. {offer}", columns)
    if note := _read_only(points, chosen[0]):
        raise GradebookError(
            f"The column {header[chosen[0]]} is {note}: Canvas would not import its scores. {offer}", columns
        )
    return chosen[0]


def _read_only(points: Sequence[Field], index: int) -> str:
    """The text that stands for the points of a column that Canvas does not import; in English ``(read only)``."""
    text = points[index].text.strip() if len(points) > index else ""
    return text if text and number(text) is None else ""


def _factor(column: str, possible: float | None, max_score: float, *, scale: bool) -> float:
    """The factor from our points to those of the column, which is 1 unless scaling is wanted."""
    if possible is None or round(possible, 2) == round(max_score, 2):
        return 1.0
    if scale and possible > 0 and max_score > 0:
        return possible / max_score
    sentence = f"The column {column} has {possible:g} points in Canvas, and the assignment has {max_score:g}."
    if possible > 0:
        advice = "Change Points Possible in Canvas, or let the scores be scaled."
        raise PointsDiffer(f"{sentence} {advice}", column, possible)
    raise GradebookError(f"{sentence} Change Points Possible in Canvas.", [column])


class _People:
    """The students by the columns that name them. A login and an equal student number may name different people."""

    def __init__(self, header: Sequence[str], students: Sequence[StudentScore]) -> None:
        logins = [(person.login, index) for index, person in enumerate(students)]
        numbers = [(person.student_id, index) for index, person in enumerate(students) if person.student_id]
        if {_LOGIN, _STUDENT_ID} & set(header):
            # Canvas's own numbers in the column ID may equal another student's number at the school.
            keys: Mapping[str, Sequence[tuple[str, int]]] = {_LOGIN: logins, _STUDENT_ID: numbers}
        else:
            keys = {_ID: logins + numbers}
        self._columns = [(header.index(name), _Index(pairs)) for name, pairs in keys.items() if name in header]

    def of_row(self, row: Sequence[Field]) -> set[int]:
        """The students that the row's cells name; more than one if the cells contradict each other."""
        cells = ((index, row[at].text.strip()) for at, index in self._columns if at < len(row))
        return {person for index, cell in cells for person in index.find(cell)}


class _Index:
    """Students by a key. The key as it is written goes before one in other letters, upper or lower case."""

    def __init__(self, pairs: Iterable[tuple[str, int]]) -> None:
        self._exact: dict[str, set[int]] = defaultdict(set)
        self._folded: dict[str, set[int]] = defaultdict(set)
        for key, person in pairs:
            self._exact[key].add(person)
            self._folded[key.casefold()].add(person)

    def find(self, cell: str) -> set[int]:
        """The students with this key."""
        return self._exact.get(cell) or self._folded.get(cell.casefold(), set())


def _same(old: str, new: str) -> bool:
    """Whether a cell has this number already, however it is written."""
    value = number(old)
    return value is not None and round(value, 2) == float(new)
