"""Question 1.2: compare the pasted summary with the measured model."""

from __future__ import annotations

import math
from collections import Counter

from grader.assignment import Question
from grader.checks.architecture.evidence import ArchitectureEvidence, LayerRow
from grader.checks.summary import summary_text
from grader.checks.summary.evidence import SummaryEvidence, SummaryFact, SummaryRow
from grader.checks.summary.options import SummaryOptions
from grader.checks.summary.summary_text import Table
from grader.evidence import Observation
from grader.intake import encoding, markup

BYTE_LIMIT = 1024 * 1024
MANY_TOTALS = 8
"""Most different totals of an honest paste: among enough numbers, the true one proves nothing."""


def measure(data: bytes, architecture: ArchitectureEvidence | None, question: Question) -> SummaryEvidence:
    """Read the paste and compare it with the model.

    ``architecture`` is the evidence of question 1.1, or ``None`` when no model was submitted.
    """
    actual = architecture.parameters if architecture else None
    counted = architecture.torchsummary_total if architecture else None
    totals = {"actual_total": actual, "actual_torchsummary_total": counted}
    if len(data) > BYTE_LIMIT:
        note = Observation(id=SummaryFact.TOO_LARGE, params={"size": len(data), "limit": BYTE_LIMIT})
        return SummaryEvidence(**totals, notes=(note,))
    decoded = encoding.decode(data)
    if isinstance(decoded, Observation):
        return SummaryEvidence(**totals, notes=(Observation(id=SummaryFact.UNREADABLE),))
    text = markup.without_colours(decoded.text) or decoded.text
    tables = summary_text.parse(text)
    if not tables:
        return SummaryEvidence(**totals, notes=(*decoded.notes, *_mentioned_total(text, actual)))
    table = _choose(tables, {actual, counted} - {None})
    layers = architecture.layers if architecture else ()
    differences = _differences(table, layers, architecture.idle_layers) if architecture and layers else ()
    notes = list(decoded.notes)
    if len(tables) > 1:
        notes.append(Observation(id=SummaryFact.SEVERAL_TABLES, params={"count": len(tables)}))
    stated = {candidate.total for candidate in tables} - {None}
    if len(stated) > MANY_TOTALS:
        notes.append(Observation(id=SummaryFact.MANY_TOTALS, params={"count": len(stated)}))
    elif len(stated) > 1 and table.total in {actual, counted} and (differences or not _has_numbers(table)):
        notes.append(Observation(id=SummaryFact.SEVERAL_TOTALS, params={"count": len(stated)}))
    total = table.total
    if total is None and table.rounded:
        notes.append(Observation(id=SummaryFact.TOTAL_ROUNDED))
    if total is None and table.rows and not differences:
        total = _total_of_rows(table, {actual, counted} - {None})
        notes += [] if total is None else [Observation(id=SummaryFact.TOTAL_FROM_ROWS, params={"total": total})]
    if total is None:
        fitting = sum(bool(row.parameters) for row in table.rows) if layers and not differences else 0
        rows_fit = [Observation(id=SummaryFact.ROWS_FIT, params={"count": fitting})] if fitting else []
        notes += _mentioned_total(text, actual) or rows_fit
    if total is not None and total in {actual, counted} and not _names_layers(text, table, architecture):
        notes.append(Observation(id=SummaryFact.NO_LAYERS, params={"total": total}))
    if total is not None and total == counted != actual:
        notes.append(Observation(id=SummaryFact.TORCHSUMMARY_COUNT, params={"counted": counted, "actual": actual}))
    claimed_input = _claimed_input(table)
    other = _other_input(table, layers)
    if other is not None:
        notes.append(Observation(id=SummaryFact.OTHER_INPUT_SIZE, params=other))
    return SummaryEvidence(
        **totals,
        dialect=table.dialect,
        claimed_total=total,
        claimed_trainable=table.trainable,
        claimed_input=claimed_input,
        rows_claimed=len(table.rows),
        rows_differ=len(differences),
        rows=table.rows,
        differences=differences,
        matches_example=total is not None and total == question.typed_options(SummaryOptions).example_total,
        notes=tuple(notes),
    )


def _mentioned_total(text: str, actual: int | None) -> list[Observation]:
    """A note if a paste without a table mentions the true total: printed, in a sentence, or rounded (``90.2 K``)."""
    for number in summary_text.numbers(text) if actual else ():
        if number.low <= (actual or 0) <= number.high:
            return [Observation(id=SummaryFact.TOTAL_MENTIONED, params={"written": number.text})]
    return []


def _choose(tables: tuple[Table, ...], true_totals: set[int | None]) -> Table:
    """The table of this model, or else the last one: people paste their own below the example."""
    stated = [table for table in tables if table.total is not None] or list(tables)
    return next((table for table in stated if table.total in true_totals), stated[-1])


def _has_numbers(table: Table) -> bool:
    return any(row.parameters for row in table.rows)


def _names_layers(text: str, table: Table, architecture: ArchitectureEvidence | None) -> bool:
    """Whether a text holds the type or the name of a layer of the model; if those are unknown, whether it has a row."""
    layers = architecture.layers if architecture else ()
    if not layers:
        return bool(table.rows)
    inner = [layer for layer in layers if layer.depth > 0] or layers  # the model's own class is no layer
    names = {name.casefold() for layer in inner for name in (layer.type, layer.name) if not name.isdigit()}
    names |= {kind.casefold() for kind, _ in (architecture.idle_layers if architecture else ())}
    return not names.isdisjoint(summary_text.words(text))


def _total_of_rows(table: Table, true_totals: set[int | None]) -> int | None:
    """The sum of the rows of a table without a line of totals, if it is the model's total."""
    if table.dialect != "torchsummary" or any(row.parameters is None for row in table.rows):
        return None
    total = sum(row.parameters or 0 for row in table.rows)
    return total if total in true_totals else None


def _differences(
    table: Table, layers: tuple[LayerRow, ...], idle: tuple[tuple[str, int], ...]
) -> tuple[tuple[int, str, str], ...]:
    """Rows whose parameter count no remaining layer of that type has: (row from 1, the paste's, the model's).

    The order of rows does not count: summaries list containers and repeated calls in different ways. A row differs only
    if damage cannot explain it: its number is readable, not zero, and not a true one without a digit.
    """
    leaves = [(layer.type.casefold(), layer.parameters) for layer in layers if layer.leaf]
    leaves += [(kind.casefold(), parameters) for kind, parameters in idle]
    types = {kind for kind, _ in leaves}
    containers = {layer.type.casefold() for layer in layers if not layer.leaf} - types
    remaining = Counter(leaves)
    shared = Counter({kind: 1 for kind, parameters in leaves if parameters == 0})
    true_counts = {kind: [parameters for leaf, parameters in leaves if leaf == kind] for kind in types}
    position_in_type: Counter[str] = Counter()
    differences: list[tuple[int, str, str]] = []
    for number, row in enumerate(table.rows, start=1):
        label = row.label.split("-")[0]
        kind = label.casefold()
        position = position_in_type[kind]
        position_in_type[kind] += 1
        if not row.parameters or kind in containers or (kind not in types and table.dialect != "torchsummary"):
            continue
        if remaining[kind, row.parameters]:
            remaining[kind, row.parameters] -= 1
            continue
        counts = true_counts.get(kind, [])
        # A summary lists a module at each call; the model's own table may show the later rows without parameters.
        called_again = row.parameters in counts and shared[kind]
        if called_again or any(_lost_digits(row.parameters, count) for count in counts):
            continue
        expected = f"{label}: {counts[position]:,}" if position < len(counts) else "-"
        differences.append((number, f"{label}: {row.parameters:,}", expected))
    return tuple(differences)


def _lost_digits(claimed: int, true: int) -> bool:
    """Whether the claimed digits are the true ones without one, as happens in PDF text."""
    if len(str(claimed)) != len(str(true)) - 1:
        return False
    true_digits = iter(str(true))
    return all(digit in true_digits for digit in str(claimed))


def _dimensions(row: SummaryRow) -> tuple[int, ...]:
    """A row's output shape without the batch; empty unless it is a single plain shape."""
    shape = row.output_shape or ""
    if shape.count("[") != 1:
        return ()
    parts = shape.strip("[] ").split(",")[1:]
    return tuple(int(part) for part in parts if part.strip().isdigit() and len(part) < 10)


def _other_input(table: Table, layers: tuple[LayerRow, ...]) -> dict[str, str] | None:
    """The first shapes, if they agree in channels only: the summary was made for another input size."""
    shapes = [layer.output_shape[1:] for layer in layers if layer.leaf and len(layer.output_shape) == 4]
    claimed = [dimensions for row in table.rows if len(dimensions := _dimensions(row)) == 3]
    if not shapes or not claimed or claimed[0] in shapes or claimed[0][0] != shapes[0][0]:
        return None
    return {"claimed": _times(claimed[0]), "actual": _times(shapes[0])}


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(str(size) for size in shape)


def _claimed_input(table: Table) -> tuple[int, ...] | None:
    """The square RGB input that "Input size (MB)" means, if exactly one multiple of 32 fits.

    torchsummary divides by 2**20, torchinfo by 10**6; both print two decimals of 4-byte numbers for one picture.
    """
    if table.input_megabytes is None or not 0 < table.input_megabytes < 100:
        return None
    unit = 1_000_000 if table.dialect == "torchinfo" else 1_048_576
    side = round(math.sqrt(table.input_megabytes * unit / 12) / 32) * 32
    return (3, side, side) if side and round(12 * side * side / unit, 2) == table.input_megabytes else None
