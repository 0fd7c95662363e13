"""Rosters as text: Assay's own format, a Canvas gradebook export, a Gradescope roster. Stores nothing."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.users.models import Role

LOGIN = r"^[A-Za-z0-9][A-Za-z0-9._@+-]{0,79}$"
Format = Literal["plain", "canvas", "gradescope"]
_PLAIN_ROLES = {role.value: role for role in Role}
_GRADESCOPE_ROLES = {"student": Role.STUDENT, "ta": Role.TA, "reader": Role.TA, "instructor": Role.TA}
_EXPECTED = (
    "The first line names the columns: login, name, and optionally role, student_id and section. A gradebook exported "
    "from Canvas and a roster downloaded from Gradescope are accepted unchanged."
)


@dataclass(frozen=True)
class Row:
    """One person of a roster. ``role``, ``student_id`` and ``section`` are ``None`` where the roster gives none."""

    line: int
    login: str
    name: str
    role: Role | None
    student_id: str | None
    section: str | None = None


@dataclass(frozen=True)
class Rejected:
    """One line that cannot be used, and why."""

    line: int
    reason: str


@dataclass(frozen=True)
class Roster:
    """The rows of a roster. ``unreadable`` is the reason why the text is not a roster, or ``None``."""

    format: Format
    rows: tuple[Row, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    unreadable: str | None = None


class _Unusable(ValueError):
    """The row cannot be used; the message says why."""


Cells = Mapping[str, str]


def read(text: str) -> Roster:
    """The people of a roster in one of the formats, and the lines that cannot be used."""
    head, _, _ = text.removeprefix("\ufeff").partition("\n")
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=delimiter)
    try:
        header = [name.strip().lower() for name in next(lines, [])]
        kind = _format(header)
        if kind is None:
            return Roster("plain", unreadable=_EXPECTED)
        if kind == "canvas" and "sis login id" not in header:
            return Roster(
                kind,
                unreadable="This Canvas gradebook has no column SIS Login ID, so the logins are not known. "
                "A person who may see SIS data can export a gradebook that has it.",
            )
        rows, rejected = _rows(kind, header, _numbered(lines))
    except csv.Error as error:
        return Roster("plain", unreadable=f"Line {lines.line_num}: {error}.")
    return Roster(kind, tuple(rows), tuple(rejected))


def _format(header: Sequence[str]) -> Format | None:
    if {"login", "name"} <= set(header):
        return "plain"
    if header[:2] == ["student", "id"] or header[:3] == ["lastname", "firstname", "id"]:
        return "canvas"
    if "email" in header and ("name" in header or {"first name", "last name"} <= set(header)):
        return "gradescope"
    return None


def _numbered(lines: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Each row with the line it begins on; a quoted cell may run over several."""
    while True:
        before: int = lines.line_num  # type: ignore[attr-defined]
        cells = next(lines, None)
        if cells is None:
            return
        yield before + 1, cells


def _rows(
    kind: Format, header: Sequence[str], lines: Iterator[tuple[int, list[str]]]
) -> tuple[list[Row], list[Rejected]]:
    rows: list[Row] = []
    rejected: list[Rejected] = []
    first_lines: dict[str, int] = {}
    for line, values in lines:
        cells = {name: value.strip() for name, value in zip(header, values, strict=False)}
        if not any(value.strip() for value in values) or (kind == "canvas" and _is_not_a_person(cells)):
            continue
        try:
            if len(values) > len(header) and any(value.strip() for value in values[len(header) :]):
                raise _Unusable("it has more cells than the header; a name with a comma needs double quotes")
            row = _row(line, *_READERS[kind](cells))
            if first := first_lines.get(row.login.lower()):
                raise _Unusable(f"{row.login} appears twice, first on line {first}")
        except _Unusable as error:
            rejected.append(Rejected(line, str(error)))
        else:
            first_lines[row.login.lower()] = line
            rows.append(row)
    return rows, rejected


def _canvas_name(cells: Cells) -> str:
    """The name of a Canvas row in one cell, as ``Lin, Ann``, or in two."""
    names = (cells.get("lastname", ""), cells.get("firstname", ""))
    return cells.get("student") or ", ".join(name for name in names if name)


def _is_not_a_person(cells: Cells) -> bool:
    name = _canvas_name(cells).lower()
    return name in ("", "points possible", "manual posting", "student, test", "test student")


def _row(line: int, login: str, name: str, role: Role | None, student_id: str, section: str) -> Row:
    if not re.fullmatch(LOGIN, login):
        raise _Unusable(
            f"{login[:80]!r} is not a login: letters, digits and . _ @ + - only, 80 at most"
            if login
            else "the login is empty"
        )
    if not name:
        raise _Unusable("the name is empty")
    if any(ord(char) < 32 or ord(char) == 127 for char in name + student_id + section):
        raise _Unusable("the name, the student number or the section has a character that cannot be shown")
    for field, value in (("student number", student_id), ("section", section)):
        if len(value) > 80:
            raise _Unusable(f"the {field} has {len(value)} characters; at most 80 are allowed")
    return Row(line, login, name[:200], role, student_id or None, section or None)


_Fields = tuple[str, str, Role | None, str, str]
"""Login, name, role, student number and section of a row."""


def _plain(cells: Cells) -> _Fields:
    role, section = _role(cells, _PLAIN_ROLES), cells.get("section", "")
    return cells.get("login", ""), cells.get("name", ""), role, cells.get("student_id", ""), section


def _canvas(cells: Cells) -> _Fields:
    login = cells.get("sis login id", "")
    if not login:
        raise _Unusable(f"{_canvas_name(cells)[:80]} has no SIS Login ID")
    return login, _canvas_name(cells), None, cells.get("sis user id", ""), cells.get("section", "")


def _gradescope(cells: Cells) -> _Fields:
    name = cells.get("name") or f"{cells.get('first name', '')} {cells.get('last name', '')}".strip()
    role, section = _role(cells, _GRADESCOPE_ROLES), cells.get("sections") or cells.get("section", "")
    return cells.get("email", ""), name, role, cells.get("sid", ""), section


def _role(cells: Cells, roles: Mapping[str, Role]) -> Role | None:
    text = cells.get("role", "")
    if not text:
        return None
    if text.lower() not in roles:
        raise _Unusable(f"the role is one of {', '.join(roles)}, not {text[:40]!r}")
    return roles[text.lower()]


_READERS: Mapping[Format, Callable[[Cells], _Fields]] = {
    "plain": _plain,
    "canvas": _canvas,
    "gradescope": _gradescope,
}
