"""Where the lines of the text that runs stand in what a student submitted: in a notebook, in which cell."""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from grader.evidence import MissingName, Observation, StudentError

_FRAME = re.compile(r'File "[^"/<>\n]{1,200}\.py", line (\d{1,9})')
"""A place in the student's code in a traceback, or in a message of TorchScript."""
_SYNTAX_ERRORS = frozenset({"SyntaxError", "IndentationError", "TabError"})
LINE_IN_MESSAGE = re.compile(r"(?<= on line )\d{1,9}$")
"""The other line that Python names in some syntax errors: "expected an indented block after 'if' on line 3"."""


class Place(NamedTuple):
    """A line, from 1: in a code cell of a notebook, which is counted from 1 too, or in a text without cells."""

    line: int
    cell: int | None = None


@dataclass(frozen=True)
class LineMap:
    """Maps lines, from 1, of the text that runs.

    ``cells``: for a notebook, the line on which the text of each code cell begins. ``last``: the last line that the
    student wrote; what intake appends below has no place.
    """

    cells: tuple[int, ...] = ()
    last: int | None = None

    def place(self, line: int | None) -> Place | None:
        """The place of a line; ``None`` for one that the student did not write."""
        if line is None or line < 1 or (self.last is not None and line > self.last):
            return None
        if not self.cells:
            return Place(line)
        cell = max(bisect.bisect_right(self.cells, line), 1)
        return Place(max(line - self.cells[cell - 1] + 1, 1), cell)

    def in_error(self, error: StudentError) -> StudentError:
        """The error with its place, also in the texts that name lines."""
        place = self.place(error.line)
        update: dict[str, Any] = {"line": place and place.line, "cell": place and place.cell}
        if place is None:
            update["source"] = None
        if self.cells:
            update |= {"traceback": self._in_text(error.traceback), "message": self._in_text(error.message)}
        if self.cells and error.type in _SYNTAX_ERRORS:
            update["message"] = self._in_message(error.message)
        return error.model_copy(update=update)

    def in_fact(self, fact: Observation) -> Observation:
        """The fact with the places of its ``line`` and ``lines``."""
        return fact.model_copy(update={"params": self._in_params(fact.params)})

    def in_name(self, missing: tuple[str, int]) -> MissingName:
        """The missing name with the place of its line; line 0 where it has none."""
        place = self.place(missing[1])
        return MissingName(missing[0], 0) if place is None else MissingName(missing[0], *place)

    def _in_params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        located: dict[str, Any] = {}
        for name, value in params.items():
            if name == "line":
                place = self.place(value)
                located |= {} if place is None else _fields("line", "cell", [place], single=True)
            elif name == "message" and isinstance(value, str):
                located[name] = self._in_message(value)
            elif name == "lines":
                located |= _fields("lines", "cells", [place for line in value if (place := self.place(line))])
            else:
                located[name] = self._in_params(value) if isinstance(value, dict) else value
        return located

    def _in_message(self, text: str) -> str:
        def replaced(match: re.Match[str]) -> str:
            place = self.place(int(match[0]))
            return match[0] if place is None else str(place.line)

        return LINE_IN_MESSAGE.sub(replaced, text)

    def _in_text(self, text: str) -> str:
        def replace(match: re.Match[str]) -> str:
            place = self.place(int(match[1]))
            return match[0] if place is None else f"Cell {place.cell}, line {place.line}"

        return _FRAME.sub(replace, text)


def _fields(line: str, cell: str, places: Sequence[Place], *, single: bool = False) -> dict[str, Any]:
    lines, cells = [place.line for place in places], [place.cell for place in places if place.cell is not None]
    fields: dict[str, Any] = {line: lines[0] if single else lines}
    return fields | ({cell: cells[0] if single else cells} if cells else {})
