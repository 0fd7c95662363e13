"""Words for the places of lines, the same in every message: ``line 3``, in a notebook ``cell 5, line 3``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class _Words(NamedTuple):
    """How a language writes a line, several lines, a line in a cell, and lists of lines and of places."""

    line: str
    lines: str
    in_cell: str
    comma: str
    semicolon: str


_ENGLISH = _Words("line {}", "lines {}", "cell {}, {}", ", ", "; ")
_WORDS = {"en": _ENGLISH, "zh-Hant": _Words("第 {} 行", "第 {} 行", "第 {} 個儲存格{}", "、", "；")}


def comma(language: str) -> str:
    """What stands between the members of a list."""
    return _WORDS.get(language, _ENGLISH).comma


def place(line: Any, cell: Any, language: str) -> str:
    """The place of a line, of a code cell if there is one; empty without a line."""
    return places([line], [cell] if cell else [], language) if line else ""


def places(lines: Sequence[Any], cells: Sequence[Any], language: str) -> str:
    """The places of several lines; ``cells`` are their cells, or empty for a text without cells."""
    words = _WORDS.get(language, _ENGLISH)
    by_cell: dict[Any, list[Any]] = defaultdict(list)
    for index, line in enumerate(lines):
        by_cell[cells[index] if index < len(cells) else None].append(line)
    listed = []
    for cell, numbers in by_cell.items():
        text = (words.lines if len(numbers) > 1 else words.line).format(words.comma.join(map(str, numbers)))
        listed.append(words.in_cell.format(cell, text) if cell else text)
    return words.semicolon.join(listed)


def of_params(params: Mapping[str, Any], language: str) -> dict[str, str]:
    """The fields ``place`` and ``places`` of a message with these parameters."""
    lines, cells = params.get("lines"), params.get("cells")
    return {
        "place": place(params.get("line"), params.get("cell"), language),
        "places": places(lines, cells if isinstance(cells, list) else (), language) if isinstance(lines, list) else "",
    }
