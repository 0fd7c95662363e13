"""Facts about a distillation loss, by term."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Literal

from grader.evidence import CodeEvidence, Record
from grader.intake.facts import IntakeFact


class KDFact(StrEnum):
    """What measuring may note: a closed set."""

    CALL_BUILT_IN = "kd.call.built_in"
    CALL_BY_POSITION = "kd.call.by_position"
    CALL_FIRST_OF_SEVERAL = "kd.call.first_of_several"
    CALL_LEFT_ALONE = "kd.call.left_alone"
    CALL_NO_ALPHA = "kd.call.no_alpha"
    CALL_NO_TEMPERATURE = "kd.call.no_temperature"
    CALL_ORDER_FITTED = "kd.call.order_fitted"
    HIDDEN = "kd.hidden"
    NO_ENTRY_POINT = "kd.no_entry_point"
    REMARK_BATCH_OF_ONE = "kd.remark.batch_of_one"
    REMARK_CHANGES_ARGUMENTS = "kd.remark.changes_arguments"
    REMARK_FLOAT64 = "kd.remark.float64"
    REMARK_INT32_LABELS = "kd.remark.int32_labels"
    REMARK_LARGE_LOGITS = "kd.remark.large_logits"
    REMARK_NOT_CONTIGUOUS = "kd.remark.not_contiguous"
    REMARK_ONE_HOT_LABELS = "kd.remark.one_hot_labels"
    REMARK_SMALL_PROBABILITIES = "kd.remark.small_probabilities"
    SIGNATURE_NO_PLACE = "kd.signature.no_place"
    SIGNATURE_UNKNOWN_PARAMETER = "kd.signature.unknown_parameter"
    SIGNATURE_UNREADABLE = "kd.signature.unreadable"
    SMALL_PROBABILITIES = "kd.small_probabilities"
    VALUE_NOT_A_NUMBER = "kd.value.not_a_number"
    VALUE_NOT_FINITE = "kd.value.not_finite"
    VALUE_RAISES = "kd.value.raises"
    VALUE_SHAPE = "kd.value.shape"
    WHOLE_TEMPERATURES = "kd.whole_temperatures"


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

    facts: ClassVar = frozenset((*KDFact, *IntakeFact))
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

    @property
    def defaulted(self) -> tuple[str, ...]:
        """The parameters that the call left alone."""
        alone = next((note for note in self.notes if note.id == KDFact.CALL_LEFT_ALONE), None)
        return () if alone is None else tuple(str(alone.params["names"]).split(", "))
