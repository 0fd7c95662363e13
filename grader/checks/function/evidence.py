"""Facts about a function that was compared with the author's reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from grader.evidence import CodeEvidence, Record, StaffOnly, StudentError


class GroupEvidence(Record):
    """One group of cases: whether all its aspects agree in all its cases."""

    name: str
    agrees: bool
    cases: int = 0
    failed: int = 0


class KindEvidence(Record):
    """One kind of case: how many there were, and in how many the function was not right."""

    name: str
    cases: int = 0
    failed: int = 0


class ShownValue(Record):
    """An input of a case as Python would write it; a large tensor by its shape."""

    name: str
    text: str


class FailedCase(Record):
    """The first case in which the function was not right.

    ``reason``: ``raises``, ``refused`` (by the author's property, with its ``refusal`` by language), that of a
    `values.Difference`, or how the call ended, such as ``timeout``. ``place`` is the part of the value that differs,
    such as ``argument tensor`` or ``.centroids``.
    """

    kind: str
    group: str
    aspect: Literal["result", "arguments"]
    reason: str
    inputs: tuple[ShownValue, ...] = ()
    argument: str = ""
    place: str = ""
    expected: str = ""
    got: str = ""
    got_kind: str = ""
    """The kind of the value that differs, such as ``none``, or ``other`` for one that cannot be compared."""
    differing: int = 0
    elements: int = 0
    largest: float | None = None
    not_finite: int = 0
    """How many of the numbers that differ are NaN or infinite."""
    refusal: Mapping[str, str] | None = None
    error: StudentError | None = None
    replay: Mapping[str, Any] | None = None
    """The call with its right answer, as `function_replay.call` describes it; null for fixed cases, large tensors."""


class FunctionEvidence(CodeEvidence):
    """A function question: the student's function on fixed and fresh cases."""

    kind: Literal["function"] = "function"
    cases: int = 0
    failed: int = 0
    groups: tuple[GroupEvidence, ...] = ()
    kinds: tuple[KindEvidence, ...] = ()
    diagnosis: str | None = None
    """The id of the known mistake that behaves as this function does, or null."""
    diagnosis_also: tuple[str, ...] = ()
    """Further known mistakes that behave so."""
    diagnosis_is_exact: bool = True
    """They behave so in every case; otherwise in every case of the kinds in which they are wrong themselves."""
    first_failed: FailedCase | None = None
    call: str = ""
    signature: str = ""
    renamed: bool = False
    """The parameters have other names than the reference's, so the report shows the call."""
    by_position: tuple[str, ...] = ()
    """Parameters whose names say nothing, bound by the reference's order."""
    defaulted: tuple[str, ...] = ()
    """Further parameters, which keep their defaults."""
    unplaced: tuple[str, ...] = ()
    """Arguments for which the signature has no place: nothing was called."""
    unknown: tuple[str, ...] = ()
    """Parameters without a default to which no argument belongs: nothing was called."""
    missing_entry: bool = False
    defined_names: tuple[str, ...] = ()
    """The names that the code defines, where the function is not among them."""
    unreadable_signature: bool = False
    tolerance_used: float | None = None
    """For a right function: the largest share of the tolerance that a returned value used, from 0 to 1."""
    repeatable: bool = True
    """The same input gave the same answer."""
    seed: int | None = None
    author_error: Annotated[str, StaffOnly] = ""
    """What is wrong in the author's files (file and line): the grader's fault."""

    @property
    def is_right(self) -> bool:
        """Whether the function is right in all groups of cases, and repeats its answers."""
        return self.repeatable and bool(self.groups) and all(group.agrees for group in self.groups)

    @property
    def fault_message(self) -> str:
        return "function.author_fault" if self.author_error else super().fault_message
