"""Question 1.2: the pasted summary against the model that was measured."""

from __future__ import annotations

import math
from collections import Counter

from grader.assignment import Question
from grader.checks import summary_text
from grader.checks.summary_text import Table
from grader.evidence import ArchitectureEvidence, LayerRow, Note, SummaryEvidence, SummaryRow
from grader.intake import encoding

BYTE_LIMIT = 1024 * 1024
MANY_TOTALS = 8
"""More different totals are no notebook with a few summaries: among enough numbers the true one proves nothing."""


def measure(data: bytes, architecture: ArchitectureEvidence | None, question: Question) -> SummaryEvidence:
    """Read the paste and compare it with the model.

    ``architecture`` is the evidence of question 1.1, or ``None`` when no model was handed in.
    """
    actual = architecture.parameters if architecture else None
    counted = architecture.torchsummary_total if architecture else None
    known = {"actual_total": actual, "actual_torchsummary_total": counted}
    if len(data) > BYTE_LIMIT:
        note = Note(id="summary.too_large", params={"size": len(data), "limit": BYTE_LIMIT})
        return SummaryEvidence(**known, notes=(note,))
    decoded = encoding.decode(data)
    if isinstance(decoded, Note):
        return SummaryEvidence(**known, notes=(Note(id="summary.unreadable"),))
    tables = summary_text.parse(decoded.text)
    if not tables:
        return SummaryEvidence(**known, notes=decoded.notes + _mentioned(decoded.text, actual))
    table = _choose(tables, {actual, counted} - {None})
    layers = architecture.layers if architecture else ()
    differences = _differences(table, layers, architecture.idle_layers) if architecture and layers else ()
    notes = list(decoded.notes)
    if len(tables) > 1:
        notes.append(Note(id="summary.several_tables", params={"count": len(tables)}))
    totals = {stated.total for stated in tables if stated.total is not None}
    if len(totals) > MANY_TOTALS:
        notes.append(Note(id="summary.many_totals", params={"count": len(totals)}))
    total = table.total
    if total is None and table.rounded:
        notes.append(Note(id="summary.total_rounded"))
    if total is None and table.rows and not differences:
        total = _total_of_rows(table, {actual, counted} - {None})
        notes += [] if total is None else [Note(id="summary.total_from_rows", params={"total": total})]
    if total is None:
        fitting = sum(bool(row.parameters) for row in table.rows) if layers and not differences else 0
        fits = (Note(id="summary.rows_fit", params={"count": fitting}),) if fitting else ()
        notes += _mentioned(decoded.text, actual) or fits
    if total is not None and total == counted != actual:
        notes.append(Note(id="summary.torchsummary_count", params={"counted": counted, "actual": actual}))
    claimed_input = _claimed_input(table)
    other = _other_input(table, layers)
    if other is not None:
        notes.append(Note(id="summary.other_input_size", params=other))
    return SummaryEvidence(
        **known,
        dialect=table.dialect,
        claimed_total=total,
        claimed_trainable=table.trainable,
        claimed_input=claimed_input,
        rows_claimed=len(table.rows),
        rows_differ=len(differences),
        rows=table.rows,
        differences=differences,
        matches_example=total is not None and total == question.options.get("example_total"),
        notes=tuple(notes),
    )


def _mentioned(text: str, actual: int | None) -> tuple[Note, ...]:
    """Whether the true total stands in a paste all the same: a print of it, a sentence, thousands only (``90.2 K``)."""
    for found in summary_text.numbers(text) if actual else ():
        if found.low <= (actual or 0) <= found.high:
            return (Note(id="summary.total_mentioned", params={"written": found.text}),)
    return ()


def _choose(tables: tuple[Table, ...], true_totals: set[int | None]) -> Table:
    """The table of this model, else the last one: people paste their own below the example."""
    stated = [table for table in tables if table.total is not None] or list(tables)
    return next((table for table in stated if table.total in true_totals), stated[-1])


def _total_of_rows(table: Table, true_totals: set[int | None]) -> int | None:
    """The sum of a table whose line of totals was cut off, when it is complete enough to be the model's."""
    if table.dialect != "torchsummary" or any(row.parameters is None for row in table.rows):
        return None
    total = sum(row.parameters or 0 for row in table.rows)
    return total if total in true_totals else None


def _differences(
    table: Table, layers: tuple[LayerRow, ...], idle: tuple[tuple[str, int], ...]
) -> tuple[tuple[int, str, str], ...]:
    """Rows whose parameter count no layer of that type has left: (row from 1, the paste's, the model's).

    The order of rows is not judged: summaries list containers and repeated calls in different ways. A row counts
    only when damage cannot explain it: its number is readable, is not zero, and is no true one short of a digit.
    """
    leaves = [(layer.type.casefold(), layer.parameters) for layer in layers if layer.leaf]
    leaves += [(kind.casefold(), parameters) for kind, parameters in idle]
    types = {kind for kind, _ in leaves}
    containers = {layer.type.casefold() for layer in layers if not layer.leaf} - types
    left = Counter(leaves)
    shared = Counter({kind: 1 for kind, parameters in leaves if parameters == 0})
    true_of_type = {kind: [parameters for one, parameters in leaves if one == kind] for kind in types}
    position_in_type: Counter[str] = Counter()
    differences: list[tuple[int, str, str]] = []
    for number, row in enumerate(table.rows, start=1):
        label = row.label.split("-")[0]
        kind = label.casefold()
        place = position_in_type[kind]
        position_in_type[kind] += 1
        if not row.parameters or kind in containers or (kind not in types and table.dialect != "torchsummary"):
            continue
        if left[kind, row.parameters]:
            left[kind, row.parameters] -= 1
            continue
        counts = true_of_type.get(kind, [])
        # A module that is called again is listed again; the model's own table may show that row without parameters.
        called_again = row.parameters in counts and shared[kind]
        if called_again or any(_lost_digits(row.parameters, count) for count in counts):
            continue
        expected = counts[place] if place < len(counts) else None
        differences.append(
            (number, _shown(label, row.parameters), "-" if expected is None else _shown(label, expected))
        )
    return tuple(differences)


def _lost_digits(claimed: int, true: int) -> bool:
    """Whether the claimed digits are the true ones with one missing, as happens in PDF text."""
    if len(str(claimed)) != len(str(true)) - 1:
        return False
    remaining = iter(str(true))
    return all(digit in remaining for digit in str(claimed))


def _shown(kind: str, parameters: int) -> str:
    return f"{kind}: {parameters:,}"


def _dimensions(row: SummaryRow) -> tuple[int, ...]:
    """A row's output shape without the batch; empty when it is no single plain shape."""
    shape = row.output_shape or ""
    if shape.count("[") != 1:
        return ()
    parts = shape.strip("[] ").split(",")[1:]
    return tuple(int(part) for part in parts if part.strip().isdigit() and len(part) < 10)


def _other_input(table: Table, layers: tuple[LayerRow, ...]) -> dict[str, str] | None:
    """Output shapes that agree in channels but not in height and width: the summary was made for another input."""
    shapes = [layer.output_shape[1:] for layer in layers if layer.leaf and len(layer.output_shape) == 4]
    claimed = [dimensions for row in table.rows if len(dimensions := _dimensions(row)) == 3]
    if not shapes or not claimed or claimed[0] in shapes or claimed[0][0] != shapes[0][0]:
        return None
    return {"claimed": _times(claimed[0]), "actual": _times(shapes[0])}


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)


def _claimed_input(table: Table) -> tuple[int, ...] | None:
    """The square RGB input that "Input size (MB)" speaks of, if exactly one multiple of 32 fits.

    torchsummary divides by 2**20, torchinfo by 10**6; both print two decimals of 4-byte numbers for one picture.
    """
    if table.input_megabytes is None or not 0 < table.input_megabytes < 100:
        return None
    unit = 1_000_000 if table.dialect == "torchinfo" else 1_048_576
    side = round(math.sqrt(table.input_megabytes * unit / 12) / 32) * 32
    return (3, side, side) if side and round(12 * side * side / unit, 2) == table.input_megabytes else None
