"""Evidence: immutable, versioned facts about one question of one submission.

Checks write evidence, scoring reads it (`grader.scoring`); nothing here decides points. A field may be added with a
default; a changed meaning needs a step in `grader.evidence_migrations`.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from grader import evidence_migrations as migrations

SCHEMA_VERSION = migrations.current_version()


class Outcome(StrEnum):
    """How the student's code ended, in display order. The kernel and the frames say so, never the code itself."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    FORBIDDEN = "forbidden"
    OUTPUT_LIMIT = "output_limit"
    PROTOCOL = "protocol"
    DIED = "died"


class Fault(StrEnum):
    """Whose fault a failure is. Only infrastructure faults are retried, and they never cost an attempt."""

    STUDENT = "student"
    GRADER = "grader"
    INFRASTRUCTURE = "infrastructure"


class Record(BaseModel):
    """Frozen base of everything stored as evidence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Wanted(StrEnum):
    """What the code needed and a sandbox does not offer, guessed from its traceback.

    A download or a GPU asks for review.
    """

    PROCESS = "process"
    WORKERS = "workers"
    NETWORK = "network"
    DOWNLOAD = "download"
    FILE_WRITTEN = "file_written"
    FILE_READ = "file_read"
    GPU = "gpu"


class StudentError(Record):
    """An exception of the student's code.

    ``line`` counts from 1 in the text that was run; ``traceback`` holds the student's frames only; ``name`` is
    the missing name of a ``NameError``.
    """

    type: str
    message: str
    line: int | None = None
    source: str | None = None
    name: str | None = None
    traceback: str = ""
    wanted: Wanted | None = None


class LimitHit(Record):
    """A sandbox limit that stopped the code: which one, the limit, the use at the end, and their unit."""

    limit: str
    allowed: float
    used: float | None = None
    unit: str


class Note(Record):
    """A message of intake or a check: its id in the catalogue and its parameters."""

    id: str
    params: dict[str, Any] = Field(default_factory=dict)


class Evidence(Record):
    """Base of the evidence of one question."""

    schema_version: int = SCHEMA_VERSION
    submitted: bool = True
    notes: tuple[Note, ...] = ()
    fault: Fault | None = None
    """Set only when the grader itself failed (``grader``, ``infrastructure``): there is nothing to score then."""


class CodeEvidence(Evidence):
    """Evidence of a question for which student code ran."""

    outcome: Outcome = Outcome.OK
    stage: str | None = None
    """Where the code failed: ``intake``, ``load``, ``build``, ``forward``, ``backward``, ``call``."""
    error: StudentError | None = None
    limit: LimitHit | None = None
    stdout: str = ""
    missing_names: tuple[tuple[str, int], ...] = ()
    """Names that neither the submission nor the prelude defines, with the line that uses each."""


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

    kind: Literal["architecture"] = "architecture"
    parameters: int | None = None
    trainable: int | None = None
    verified: bool = False
    verification: Literal["pending", "confirmed", "no_artefact", "refused", "disagrees", "unpacked", "over_limit"] = (
        "pending"
    )
    unverified_reason: str | None = None
    """Why the count could not be confirmed, in a sentence for staff."""
    verification_limit: LimitHit | None = None
    """The limit that ended the export, the audit or the comparison, where ``verification`` is ``over_limit``."""
    artefact: ArtefactRecord | None = None
    hidden_numbers: int | None = None
    hidden_tensors: tuple[tuple[str, int], ...] = ()
    unregistered: int = 0
    """Weights of layers that the module does not register, such as those in a plain list, as the live model claims;
    and their names."""
    unregistered_tensors: tuple[str, ...] = ()
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
    torchsummary_total: int | None = None
    """The total that the package torchsummary would print (only ``weight`` and ``bias`` of called leaves)."""


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


class ChoiceEvidence(Evidence):
    """Questions 2.2 and 3.2: one choice. The key is part of the rubric, not of the evidence.

    The times of 3.2 are processor seconds for an image, or null where they were not steady.
    """

    kind: Literal["choice"] = "choice"
    answer: str | None = None
    seconds_unpruned: float | None = None
    seconds_pruned_90: float | None = None


class OwnLoss(Record):
    """The accuracy of the same model trained by the student's own loss, from the same start, on the same pictures.

    ``accuracy`` and its 95% interval are missing when the training did not end; ``outcome`` and ``error`` say why.
    """

    steps: int
    outcome: Outcome = Outcome.OK
    error: str = ""
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None


class PointsCheck(Record):
    """The student's points, compared with the measured curve.

    ``verdict``: they lie on it (``agree``), they follow the curve of a known slip (``compounded``: the pruned model was
    pruned again; ``first_layer``: the loop over the layers returned after the first), or neither. ``distances`` are
    root mean squares of accuracy to each of the curves; with ``of_shape`` the falls of the curves were compared and not
    the accuracies, because the weights or the pictures are not the student's.
    """

    verdict: Literal["agree", "compounded", "first_layer", "differ"]
    compared: int
    agreeing: int
    distances: dict[str, float]
    of_shape: bool = False


class PruningEvidence(Evidence):
    """Question 3.1: the uploaded picture and points, later the measured curve.

    Points of ``curve`` have ``ratio``, ``accuracy`` and the 95% interval's ``low`` and ``high``. ``confusion`` counts
    the images of the unpruned network by true class (row) and answer (column).
    """

    kind: Literal["pruning"] = "pruning"
    picture: dict[str, Any] | None = None
    """``{"format","width","height","sha256"}`` of the re-encoded picture."""
    picture_error: str | None = None
    """A message id when the upload is not a usable picture."""
    picture_error_params: dict[str, Any] = Field(default_factory=dict)
    points: tuple[tuple[float, float], ...] = ()
    curve: tuple[dict[str, float], ...] = ()
    weights: Literal["uploaded", "distilled", "none"] = "none"
    reference_curve: tuple[dict[str, float], ...] = ()
    images: int | None = None
    baseline: str | None = None
    data: str | None = None
    """The data set of the images, its digest, and the side in pixels at which the network saw them."""
    data_digest: str | None = None
    image_size: int | None = None
    class_names: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    baselines: dict[str, float] = Field(default_factory=dict)
    """The assignment's baselines on this data set when this was measured."""
    training_steps: int | None = None
    """Steps of our distillation, if no weights were submitted."""
    own_loss: OwnLoss | None = None
    points_check: PointsCheck | None = None
    first_layer_curve: tuple[dict[str, float], ...] = ()
    """The curve with only the first convolution pruned, measured if the student's points leave the curve."""
    curve_outcome: Outcome = Outcome.OK
    """How the later stage ended, if something else than the submitted parts prevented a curve."""
    curve_fault: Fault | None = None
    """The grader failed after the points were settled: there is no curve, and no points depend on it."""
    curve_stopped: bool = False
    """A person stopped the later stage after the points were settled: the curve, or its next step, is missing."""


AnyEvidence = Annotated[
    ArchitectureEvidence | SummaryEvidence | KDLossEvidence | ChoiceEvidence | PruningEvidence,
    Field(discriminator="kind"),
]
_adapter: TypeAdapter[AnyEvidence] = TypeAdapter(AnyEvidence)
_CURRENT_PREFIX = f'{{"schema_version": {SCHEMA_VERSION}, '


def parse(data: dict[str, Any]) -> AnyEvidence:
    """Read stored evidence of any schema version up to the current one.

    Raises ``pydantic.ValidationError`` for other data, or `evidence_migrations.TooNew`.
    """
    return _adapter.validate_python(migrations.upgrade(data))


def of_fault(check: str, fault: Fault) -> AnyEvidence:
    """Evidence without facts, because the grader or its infrastructure failed."""
    return parse({"kind": check, "schema_version": SCHEMA_VERSION, "fault": fault})


def parse_json(text: str) -> AnyEvidence:
    """As `parse`, from JSON text: several times faster, for whole classes."""
    if text.startswith(_CURRENT_PREFIX):
        return _adapter.validate_json(text)
    return parse(json.loads(text))
