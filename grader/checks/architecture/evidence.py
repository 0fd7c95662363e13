"""Facts about a model: its outputs, its size, and whether its count was confirmed."""

from __future__ import annotations

import signal
from enum import StrEnum
from typing import ClassVar, Literal

from grader.evidence import CodeEvidence, LimitHit, Outcome, Record
from grader.intake.facts import IntakeFact


class ModelFact(StrEnum):
    """What measuring may note: a closed set."""

    BATCH_OF_ONE = "model.batch_of_one"
    NO_ENTRY_POINT = "model.no_entry_point"
    NOT_A_MODULE = "model.not_a_module"


class LayerRow(Record):
    """One row of the layer table: one module call, as torchinfo sees it."""

    depth: int
    name: str
    type: str
    output_shape: tuple[int, ...]
    parameters: int
    mult_adds: int
    leaf: bool = True


class ForwardProbe(Record):
    """One forward pass: batch size, mode (``eval``/``train``) and output."""

    batch: int
    mode: Literal["eval", "train"]
    kind: str
    """``tensor``, or the type of another output (``tuple``, ``dict``, ``NoneType``, ...)."""
    shape: tuple[int, ...] | None = None
    finite: bool | None = None


class ArtefactRecord(Record):
    """The exported network: its digest and size, its numbers by kind, and its distance from the live model."""

    sha256: str
    bytes: int
    parameters: int
    statistics: int
    constants: int
    nodes: int
    difference: float | None = None
    """Largest absolute difference of the outputs on a secret input."""


class ArchitectureEvidence(CodeEvidence):
    """Question 1.1: the model.

    ``parameters`` counts every distinct parameter element of the live model; ``hidden_numbers`` counts the network's
    other numbers (buffers, plain tensors, constants) without batch-norm statistics. ``verified``: both counts were
    confirmed on the exported artefact, without student code.
    """

    facts: ClassVar = frozenset((*ModelFact, *IntakeFact))
    kind: Literal["architecture"] = "architecture"
    parameters: int | None = None
    trainable: int | None = None
    verified: bool = False
    verification: Literal[
        "pending", "confirmed", "no_artefact", "refused", "disagrees",
        "unpacked", "over_limit", "fixed_batch", "constant",
    ] = "pending"  # fmt: skip
    unverified_reason: str | None = None
    """Why the count could not be confirmed, in a sentence for staff."""
    verification_limit: LimitHit | None = None
    """The limit that ended the export, the audit or the comparison, where ``verification`` is ``over_limit``."""
    verification_signal: int | None = None
    """The signal that ended a child during the export, the audit or the comparison."""
    artefact: ArtefactRecord | None = None
    hidden_numbers: int | None = None
    hidden_tensors: tuple[tuple[str, int], ...] = ()
    unregistered: int = 0
    """Weights of layers that the module does not register, such as those in a plain list, as the live model claims;
    and their names."""
    unregistered_tensors: tuple[str, ...] = ()
    other_modules: tuple[tuple[str, int], ...] = ()
    """(type, parameters) of living modules that are no part of the model, where they exceed the limit together."""
    output_shape: tuple[int, ...] | None = None
    mult_adds: int | None = None
    parameter_limit: int | None = None
    probes: tuple[ForwardProbe, ...] = ()
    repeatable: bool | None = None
    """The same input gave the same output twice in eval mode."""
    gradients_reached: int | None = None
    parameter_tensors: int | None = None
    parameter_names: tuple[str, ...] = ()
    unused_parameters: tuple[str, ...] = ()
    layers: tuple[LayerRow, ...] = ()
    idle_layers: tuple[tuple[str, int], ...] = ()
    """(type, parameters) of the layers that eval mode does not call, such as a head for training alone."""
    uncounted_parameters: tuple[tuple[str, int], ...] = ()
    """(name, size) of the parameters that torchsummary leaves out, as the live model claims."""
    uncounted_trainable: tuple[str, ...] = ()
    """Those of them that training changes."""
    tables: tuple[tuple[str, int], ...] = ()
    """Fixed numbers of the artefact that torchsummary leaves out and no layer takes as weights or statistics, such as a
    table of positions."""
    idle_parameters: tuple[tuple[str, int], ...] = ()
    """The parameters that torchsummary leaves out and the artefact lacks, because the network never uses them."""
    torchsummary_total: int | None = None
    """The total that the package torchsummary would print (only ``weight`` and ``bias`` of called leaves)."""

    @property
    def awaits_confirmation(self) -> bool:
        """Whether the count is still to be confirmed on the artefact."""
        has_run = self.submitted and self.fault is None and self.outcome is Outcome.OK and self.parameters is not None
        return has_run and self.verification == "pending"

    @property
    def is_reproducible(self) -> bool:
        return super().is_reproducible and self.verification != "over_limit"

    @property
    def was_killed(self) -> bool:
        return super().was_killed or self.verification_signal == signal.SIGKILL
