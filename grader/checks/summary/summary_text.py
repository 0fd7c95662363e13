"""Read a pasted model summary of torchsummary, torch-summary or torchinfo, however damaged the paste is.

The text is reduced to cells, which Markdown's pipes, wide gaps and line ends divide. Rows and totals are recognised by
their form, and a number with doubtful digits reads as unknown.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from grader.checks.summary.evidence import SummaryRow

ROW_LIMIT = 1_000
_TREE = str.maketrans(dict.fromkeys("├└─│┬┌┐┘┤┼═║╔╗╚╝", " ") | dict.fromkeys("\u200b\u200e\u200f\u2060\ufeff", ""))
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
# Match at the first of several spaces only: a match at each of them takes quadratic time.
_CELL_EDGE = re.compile(r"(?<!\s)\s*+\|\s*+|\t+|[ ]{2,}")
_PARAMETERS = r"(?:param(?:eter)?s?\b|參數|参数|パラメータ)"
_TOTAL = re.compile(
    r"\btotal[\s_|]+(?:number[\s_|]+of[\s_|]+|num[\s_|]+)?(?:(?<!non)trainable[\s_|]+)?param(?:eter)?s?\b"
    rf"|[總总総](?:共|計|计)?(?:的)?{_PARAMETERS}[數数量]?|{_PARAMETERS}[數数量]?(?:[總总][數数計计量和]|合[計计])",
    re.IGNORECASE,
)
_BEFORE_LABEL = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:,\d{3}){1,4}|\d{1,15}(?:\.\d{1,6})?)(?P<unit>[ |]{0,4}[KMG])?[ |]{0,4}$", re.IGNORECASE
)
"""The number in front of a label that ends its line: ``24,523 total parameters``, ``24.5 K  Total params``."""
_PLAIN_TOTAL = re.compile(r"\bnumber[\s_]+of[\s_]+param(?:eter)?s\b|(?<![練练])(?:參數|参数)[數数量]", re.IGNORECASE)
_NON_TRAINABLE = re.compile(r"\bnon[-\s_|]*trainable[\s_|]+param(?:eter)?s?\b", re.IGNORECASE)
_MULT_ADDS_FIRST = re.compile(r"mult-?adds[^\n]{0,300}param", re.IGNORECASE)
_TRAINABLE = re.compile(r"(?<!non[-\s_|])(?<!non)\btrainable[\s_|]+param(?:eter)?s?\b", re.IGNORECASE)
_INPUT_SIZE = re.compile(r"\binput[\s_|]+size[\s|]*\(MB\)[\s:|=]*(\d+(?:\.\d+)?)", re.IGNORECASE)
_SEPARATOR = r"[.,'’٬_]"
# A number and its possible continuation: a separator, perhaps cut from its digits by a line or cell edge; or one space
# before exactly three digits.
_NUMBER = re.compile(rf"\d+(?:[ \n|]*+{_SEPARATOR}[ \n|]*+{_SEPARATOR}?[ \n|]*+\d+|[ ]\d{{3}}(?!\d|{_SEPARATOR}\d))*")
_LEAD = re.compile(r"(?:[\s:|=*#>~≈,;\"-]|is\b|of my model\b|為|为|是|約|约)*+(?:\([^)\n]{0,20}\)[\s:|=*>]*+)?")
_DECIMALS = re.compile(r"\.0{1,6}(?![\d.,])")
_ANY_NUMBER = re.compile(r"(?<![\w.])(?<!\d,)(\d{1,3}(?:,\d{3}){1,3}|\d{1,12}(?:\.\d{1,6})?)[ ]?([kKmM]?)\b(?![.,]?\d)")
_WORD, _LATIN_WORD = re.compile(r"[^\W\d]\w*"), re.compile(r"[a-z_][a-z_0-9]*")
_ROUNDING = 0.03
"""Relative: ``90K`` may be the model's 90,155; ``0.1M`` fits too many models."""
_UNITS = {"k": 1_000, "m": 1_000_000}
_MAGNITUDE = re.compile(r"[ ]?(?:[KMG]\b|million|thousand)", re.IGNORECASE)
_SHAPE = r"\[[-\d,\s|]*+(?:\[[-\d,\s|]*+\][-\d,\s|]*+)*+\]"  # of a layer with several outputs: a list of lists
_FLAT_ROW = re.compile(rf"(?<!\w)([^\W\d]\w*)[ ]?-[\s|]*(\d+)[\s|]*({_SHAPE})")
_TREE_ROW = re.compile(
    r"(?<!\w)([^\W\d]\w*)(?:[ ]?\([^()\n]*\))?:[ ]?(\d+)-(\d+)(?:[ ]?\(recursive\))?"
    rf"[\s|]*({_SHAPE}(?:[\s|]*+{_SHAPE})*+|--)?"
)
_UNREADABLE_DIGITS = re.compile(rf"(?:[ \n|]*+{_SEPARATOR})?[OolIS][\w.,]")
"""Letters that text recognition reads for 0, 1 and 5 in the middle of a number."""
_NO_NUMBER = re.compile(r"[ |=*-]*(?:--|\(recursive\))")


@dataclass(frozen=True)
class Table:
    """One summary of a paste: its rows, its stated totals, and its input size."""

    dialect: str
    rows: tuple[SummaryRow, ...] = ()
    total: int | None = None
    trainable: int | None = None
    input_megabytes: float | None = None
    rounded: bool = False
    """The paste states the total in thousands or millions only."""


def parse(text: str) -> tuple[Table, ...]:
    """The summaries of a paste in their order; empty if nothing looks like one."""
    text = normalise(text)
    totals = list(_TOTAL.finditer(text))
    starts = _row_starts(text)
    tables: list[Table] = []
    begin = 0
    for position, match in enumerate(totals):
        end = totals[position + 1].start() if position + 1 < len(totals) else len(text)
        # Rows after this total belong to the next summary, but lines of totals do not.
        following = bisect.bisect_left(starts, match.end())
        next_row = min(starts[following], end) if following < len(starts) else end
        tables.append(_table(text[begin:next_row], match.end() - begin))
        begin = next_row
    tables.append(_table(text[begin:], None))
    return tuple(table for table in tables if table.rows or table.total is not None or table.rounded)


@dataclass(frozen=True)
class Number:
    """A number as written, and the range of values that it may mean if it is rounded."""

    text: str
    low: float
    high: float


def numbers(text: str) -> Iterator[Number]:
    """Every number of a text, in any context."""
    for match in _ANY_NUMBER.finditer(unicodedata.normalize("NFKC", text)):
        digits, unit = _DECIMALS.sub("", match[1]).replace(",", ""), match[2].lower()
        value = float(digits) * _UNITS.get(unit, 1)
        decimals = len(digits.partition(".")[2])
        half = _UNITS[unit] / 2 / 10**decimals if unit else 0
        if half <= _ROUNDING * value:
            yield Number(match[0].strip(), value - half, value + half)


def words(text: str) -> set[str]:
    """Every word of a text in small letters, and its Latin part if it adjoins other letters."""
    text = unicodedata.normalize("NFKC", text).replace("\\_", "_").casefold()
    return {*_WORD.findall(text), *_LATIN_WORD.findall(text)}


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
    total, rounded = _total(text, total_end, has_rows=bool(rows))
    stated = _TRAINABLE.search(text)
    trainable = _number_after(text, stated.end())[0] if stated else None
    megabytes = _INPUT_SIZE.search(text)
    # With mult-adds before parameters, the first number of a row may not be its parameter count.
    is_known = _MULT_ADDS_FIRST.search(text) is None
    return Table(
        dialect=dialect,
        rows=tuple(_row(text, match, tree=rows is tree, is_known=is_known) for match in _unrepeated(rows)[:ROW_LIMIT]),
        total=total,
        trainable=trainable,
        input_megabytes=float(megabytes[1]) if megabytes else None,
        rounded=rounded,
    )


def _total(text: str, total_end: int | None, *, has_rows: bool) -> tuple[int | None, bool]:
    """The stated total, and whether it is only a rounded one.

    Without a line of totals it is the sum of trainable and other parameters, or, in a paste without rows, any stated
    number of parameters.
    """
    if total_end is not None:
        return _number_before(text, total_end) or _number_after(text, total_end)
    parts = [
        _number_after(text, match.end())[0]
        for pattern in (_TRAINABLE, _NON_TRAINABLE)
        if (match := pattern.search(text))
    ]
    if len(parts) == 2 and None not in parts:
        return sum(part or 0 for part in parts), False
    stated = None if has_rows else _PLAIN_TOTAL.search(text)
    return _number_after(text, stated.end()) if stated else (None, False)


def _tree_dialect(text: str) -> str:
    # torchinfo heads its tables with "(type:depth-idx)" and writes the batch size, torch-summary writes -1 for it.
    return "torch-summary" if re.search(r"\[\s*-1\s*,", text) else "torchinfo"


def _unrepeated(matches: list[re.Match[str]]) -> list[re.Match[str]]:
    """The rows without repetitions, which torchsummary's running numbers show: a table may be pasted twice."""
    seen: dict[str, re.Match[str]] = {}
    for match in matches:
        if match.re is _TREE_ROW:
            return matches
        seen.setdefault(f"{match[1]}-{match[2]}", match)
    return list(seen.values())


def _row(text: str, match: re.Match[str], *, tree: bool, is_known: bool) -> SummaryRow:
    shape = match[4] if tree else match[3]
    label = match[1] if tree else f"{match[1]}-{match[2]}"
    parameters = None
    if is_known and not _NO_NUMBER.match(text, match.end()):
        line_end = text.find("\n", match.end())
        parameters, _ = _number_after(text, match.end(), within=line_end if line_end >= 0 else len(text))
    return SummaryRow(
        label=label,
        output_shape=" ".join(shape.replace("|", " ").split())[:80] if shape and shape != "--" else None,
        parameters=parameters,
    )


def _number_before(text: str, label_end: int) -> tuple[int | None, bool] | None:
    """The number in front of the label of a total, and whether it is only a rounded one; ``None`` where none stands."""
    begin, end = text.rfind("\n", 0, label_end) + 1, text.find("\n", label_end)
    rest = text[label_end : end if end >= 0 else len(text)]
    label = next(iter(_TOTAL.finditer(text[begin:label_end])), None)
    match = None if label is None or rest.strip(" .|") else _BEFORE_LABEL.search(text[begin : begin + label.start()])
    if match is None:
        return None
    is_rounded = match["unit"] is not None or "." in match[1]
    return (None, True) if is_rounded else (int(match[1].replace(",", "")), False)


def _number_after(text: str, position: int, within: int | None = None) -> tuple[int | None, bool]:
    """The whole number that follows a label or a row's shape, and whether it is only a rounded one.

    ``None`` without a number, or if its digits are not grouped like a number's. The number must begin before
    ``within``; a separator may continue it on the next line.
    """
    lead = _LEAD.match(text, position)
    start = lead.end() if lead else position
    match = _NUMBER.match(text, start)
    if match is None or (within is not None and start >= within):
        return None, False
    if _MAGNITUDE.match(text, match.end()):
        return None, True
    if _UNREADABLE_DIGITS.match(text, match.end()):
        return None, False
    first, *groups = re.findall(r"\d+", _DECIMALS.sub("", match[0]))
    if groups and first.startswith("0"):
        return None, False
    if len(first) > (3 if groups else 15) or len(groups) > 4 or any(len(group) != 3 for group in groups):
        return None, False
    return int(first + "".join(groups)), False
