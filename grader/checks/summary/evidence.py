"""Facts about a pasted summary and its differences from the model."""

from __future__ import annotations

from typing import Literal

from grader.evidence import Evidence, Record


class SummaryRow(Record):
    """A row of a pasted summary: the layer's label, its output shape as text, its parameters."""

    label: str
    output_shape: str | None
    parameters: int | None


class SummaryEvidence(Evidence):
    """Question 1.2: the pasted summary against the model's true table."""

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
