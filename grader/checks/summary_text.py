"""Reading a pasted model summary: torchsummary, torch-summary, torchinfo, in whatever state the paste left it.

The text is reduced to cells (Markdown's pipes, wide gaps and line ends divide them), rows and totals are found by
their shape, and every number that the damage made doubtful reads as unknown.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from dataclasses import dataclass

from grader.evidence import SummaryRow

ROW_LIMIT = 1_000
_TREE = str.maketrans(dict.fromkeys("├└─│┬┌┐┘┤┼═║╔╗╚╝", " "))
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_CELL_EDGE = re.compile(r"\s*\|\s*|\t+|[ ]{2,}")
_TOTAL = re.compile(r"\btotal[\s_|]+(?:trainable[\s_|]+)?param(?:eter)?s?\b", re.IGNORECASE)
_TRAINABLE = re.compile(r"(?<!non[-\s_|])(?<!non)\btrainable[\s_|]+param(?:eter)?s?\b", re.IGNORECASE)
_INPUT_SIZE = re.compile(r"\binput[\s_|]+size[\s|]*\(MB\)[\s:|=]*(\d+(?:\.\d+)?)", re.IGNORECASE)
_SEPARATOR = r"[.,'’٬_]"
# A number and what may be its continuation: a separator, perhaps torn from its digits by a line or cell edge; or one
# space before exactly three digits.
_NUMBER = re.compile(rf"\d+(?:[ \n|]*+{_SEPARATOR}[ \n|]*+{_SEPARATOR}?[ \n|]*+\d+|[ ]\d{{3}}(?!\d|{_SEPARATOR}\d))*")
_LEAD = re.compile(r"[\s:|=*#-]*+(?:\([^)\n]{0,20}\)[\s:|=*]*+)?")
_MAGNITUDE = re.compile(r"[ ]?(?:[KMG]\b|million|thousand)", re.IGNORECASE)
_FLAT_ROW = re.compile(r"(?<!\w)([^\W\d]\w*)[ ]?-[\s|]*(\d+)[\s|]*(\[[-\d,\s|\[\]]*\])")
_TREE_ROW = re.compile(
    r"(?<!\w)([^\W\d]\w*)(?:[ ]?\([^()\n]*\))?:[ ]?(\d+)-(\d+)(?:[ ]?\(recursive\))?[\s|]*(\[[-\d,\s|\[\]]*\]|--)?"
)
_NO_NUMBER = re.compile(r"[ |=*-]*(?:--|\(recursive\))")


@dataclass(frozen=True)
class Table:
    """One summary of a paste: its rows, its stated totals, and what it says of the input."""

    dialect: str
    rows: tuple[SummaryRow, ...] = ()
    total: int | None = None
    trainable: int | None = None
    input_megabytes: float | None = None
    rounded: bool = False
    """The total was given in thousands or millions only."""


def parse(text: str) -> tuple[Table, ...]:
    """The summaries of a paste in their order; empty when nothing in it looks like one."""
    text = normalise(text)
    totals = list(_TOTAL.finditer(text))
    starts = _row_starts(text)
    tables: list[Table] = []
    begin = 0
    for position, match in enumerate(totals):
        end = totals[position + 1].start() if position + 1 < len(totals) else len(text)
        # Rows after this total belong to the next summary; the lines of totals do not.
        following = bisect.bisect_left(starts, match.end())
        next_row = min(starts[following], end) if following < len(starts) else end
        tables.append(_table(text[begin:next_row], match.end() - begin))
        begin = next_row
    tables.append(_table(text[begin:], None))
    return tuple(table for table in tables if table.rows or table.total is not None or table.rounded)


def normalise(text: str) -> str:
    """Full-width signs to ASCII, every kind of space to a space, Markdown and box drawing to cells."""
    text = unicodedata.normalize("NFKC", text).translate(_TREE)
    text = _BREAK.sub(" ", text).replace("\\_", "_").replace("**", "").replace("`", "")
    lines = [" | ".join(_CELL_EDGE.split(line.strip(" \t|"))) for line in text.split("\n")]
    return "\n".join(line.strip() for line in lines)


def _row_starts(text: str) -> list[int]:
    return sorted([match.start() for pattern in (_FLAT_ROW, _TREE_ROW) for match in pattern.finditer(text)])


def _table(text: str, total_end: int | None) -> Table:
    flat, tree = list(_FLAT_ROW.finditer(text)), list(_TREE_ROW.finditer(text))
    rows = flat if len(flat) >= len(tree) else tree
    dialect = "unknown"
    if rows:
        dialect = "torchsummary" if rows is flat else _tree_dialect(text)
    total, rounded = (None, False) if total_end is None else _number_after(text, total_end)
    stated = _TRAINABLE.search(text)
    trainable = _number_after(text, stated.end())[0] if stated else None
    megabytes = _INPUT_SIZE.search(text)
    return Table(
        dialect=dialect,
        rows=tuple(_row(text, match, tree=rows is tree) for match in _unrepeated(rows)[:ROW_LIMIT]),
        total=total,
        trainable=trainable,
        input_megabytes=float(megabytes[1]) if megabytes else None,
        rounded=rounded,
    )


def _tree_dialect(text: str) -> str:
    # torchinfo heads its tables with "(type:depth-idx)" and writes the batch size, torch-summary writes -1 for it.
    return "torch-summary" if re.search(r"\[\s*-1\s*,", text) else "torchinfo"


def _unrepeated(matches: list[re.Match[str]]) -> list[re.Match[str]]:
    """A table pasted twice under one total counts once: torchsummary's rows carry running numbers."""
    seen: dict[str, re.Match[str]] = {}
    for match in matches:
        if match.re is _TREE_ROW:
            return matches
        seen.setdefault(f"{match[1]}-{match[2]}", match)
    return list(seen.values())


def _row(text: str, match: re.Match[str], *, tree: bool) -> SummaryRow:
    shape = match[4] if tree else match[3]
    label = match[1] if tree else f"{match[1]}-{match[2]}"
    parameters = None
    if not _NO_NUMBER.match(text, match.end()):
        line_end = text.find("\n", match.end())
        parameters, _ = _number_after(text, match.end(), within=line_end if line_end >= 0 else len(text))
    return SummaryRow(
        label=label,
        output_shape=" ".join(shape.replace("|", " ").split())[:80] if shape and shape != "--" else None,
        parameters=parameters,
    )


def _number_after(text: str, position: int, within: int | None = None) -> tuple[int | None, bool]:
    """The whole number that follows a label or a row's shape, and whether it was only a rounded one.

    ``None`` when there is none or when its digits are not grouped as a number's are. ``within`` bounds where the
    number may begin; a separator at its end may carry it over a line's end.
    """
    lead = _LEAD.match(text, position)
    start = lead.end() if lead else position
    found = _NUMBER.match(text, start)
    if found is None or (within is not None and start >= within):
        return None, False
    if _MAGNITUDE.match(text, found.end()):
        return None, True
    first, *groups = re.findall(r"\d+", found[0])
    if len(first) > (3 if groups else 15) or len(groups) > 4 or any(len(group) != 3 for group in groups):
        return None, False
    return int(first + "".join(groups)), False
