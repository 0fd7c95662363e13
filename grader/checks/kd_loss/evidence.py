"""Facts about a distillation loss, by term."""

from __future__ import annotations

from typing import Any, Literal

from grader.evidence import CodeEvidence, Record


class TermEvidence(Record):
    """One term of the loss: whether all its cases agree, and the worst case with its error."""

    agrees: bool = False
    cases: int = 0
    failed: int = 0
    worst: dict[str, Any] | None = None
    """``{"case","alpha","temperature","expected","got","error"}`` of the case furthest off."""
    drawn: dict[str, Any] | None = None
    """The same for the cases drawn for this run alone, which the student may see because they are never used again."""


class KDLossEvidence(CodeEvidence):
    """Question 2.1: the loss examined by term."""

    kind: Literal["kd_loss"] = "kd_loss"
    hard_term: TermEvidence = TermEvidence()
    soft_term: TermEvidence = TermEvidence()
    mixture: TermEvidence = TermEvidence()
    gradient: TermEvidence = TermEvidence()
    diagnosis: str | None = None
    """The id of the known mistake that reproduces every measured value, or null."""
    diagnosis_with: tuple[str, ...] = ()
    """Further mistakes that were made together with ``diagnosis``."""
    diagnosis_also: tuple[str, ...] = ()
    """Known mistakes with the same answers as ``diagnosis`` on these tensors; ``a+b`` for two made together."""
    call: str = ""
    signature: str = ""
    stateful: bool = False
    """The same input gave different answers."""
    seeds: tuple[int, ...] = ()
