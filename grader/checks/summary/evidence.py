"""Facts about a pasted summary and its differences from the model."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from grader.evidence import Evidence, Record
from grader.intake.facts import IntakeFact


class SummaryFact(StrEnum):
    """What measuring may note: a closed set."""

    MANY_TOTALS = "summary.many_totals"
    NO_LAYERS = "summary.no_layers"
    OTHER_INPUT_SIZE = "summary.other_input_size"
    ROWS_FIT = "summary.rows_fit"
    SEVERAL_TABLES = "summary.several_tables"
    SEVERAL_TOTALS = "summary.several_totals"
    TOO_LARGE = "summary.too_large"
    TORCHSUMMARY_COUNT = "summary.torchsummary_count"
    TOTAL_FROM_ROWS = "summary.total_from_rows"
    TOTAL_MENTIONED = "summary.total_mentioned"
    TOTAL_ROUNDED = "summary.total_rounded"
    UNREADABLE = "summary.unreadable"


class SummaryRow(Record):
    """A row of a pasted summary: the layer's label, its output shape as text, its parameters."""

    label: str
    output_shape: str | None
    parameters: int | None


class SummaryEvidence(Evidence):
    """Question 1.2: the pasted summary against the model's true table."""

    facts: ClassVar = frozenset((*SummaryFact, *IntakeFact))
    kind: Literal["summary"] = "summary"
    dialect: str | None = None
    """``torchsummary``, ``torch-summary``, ``torchinfo``, ``unknown``."""
    claimed_total: int | None = None
    claimed_trainable: int | None = None
    claimed_input: tuple[int, ...] | None = None
    actual_total: int | None = None
    actual_torchsummary_total: int | None = None
    count_confirmed: bool | None = None
    """Whether the artefact carries the numbers that the live model counted; ``None`` before its audit."""
    count_pending: bool = False
    """The live model was counted, but its artefact is not audited yet, or never will be because the code failed."""
    rows_claimed: int = 0
    rows_differ: int = 0
    rows: tuple[SummaryRow, ...] = ()
    differences: tuple[tuple[int, str, str], ...] = ()
    """(row number from 1, the paste's row, the model's row)."""
    matches_example: bool = False
    """The paste is the homework's own example summary (87,907 parameters)."""
