"""Facts about a pruning plot, its points and the measured curve."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import Field

from grader.evidence import Evidence, Fault, Observation, Outcome, Record


class PruningFact(StrEnum):
    """What measuring may note: a closed set."""

    CURVE_STOPPED = "pruning.curve_stopped"
    OWN_LOSS_DIVERGED = "pruning.own_loss.diverged"
    OWN_LOSS_FAILED = "pruning.own_loss.failed"
    OWN_LOSS_STOPPED = "pruning.own_loss.stopped"
    OWN_LOSS_TRAINED = "pruning.own_loss.trained"
    PICTURE_ANIMATED = "pruning.picture.animated"
    PICTURE_DOUBTFUL = "pruning.picture.doubtful"
    PICTURE_NO_CURVE = "pruning.picture.no_curve"
    PICTURE_SINGLE_COLOUR = "pruning.picture.single_colour"
    POINTS_AGREE = "pruning.points.agree"
    POINTS_COMPOUNDED = "pruning.points.compounded"
    POINTS_DIFFER = "pruning.points.differ"
    POINTS_FALL_EARLY = "pruning.points.fall_early"
    POINTS_FIRST_LAYER = "pruning.points.first_layer"
    POINTS_NO_ZERO = "pruning.points.no_zero"
    POINTS_OUT_OF_RANGE = "pruning.points.out_of_range"
    POINTS_PERCENT = "pruning.points.percent"
    POINTS_RATIOS_COMPOUNDED = "pruning.points.ratios_compounded"
    POINTS_REPEATED = "pruning.points.repeated"
    POINTS_RISING = "pruning.points.rising"
    POINTS_SHAPE = "pruning.points.shape"
    POINTS_SWAPPED = "pruning.points.swapped"
    POINTS_SKIPPED = "pruning.points.skipped"
    POINTS_TOO_LARGE = "pruning.points.too_large"
    POINTS_TOO_MANY = "pruning.points.too_many"
    POINTS_UNORDERED = "pruning.points.unordered"
    POINTS_UNREADABLE = "pruning.points.unreadable"
    DO_NOT_FIT = "weights.do_not_fit"
    LOADED = "weights.loaded"
    NO_MODEL = "weights.no_model"
    NOT_FINITE = "weights.not_finite"
    NOT_MEASURED = "weights.not_measured"
    NOT_TRAINED = "weights.not_trained"
    OTHER_OBJECTS = "weights.other_objects"
    TOO_MUCH_MEMORY = "weights.too_much_memory"
    TOO_SLOW = "weights.too_slow"
    UNREADABLE = "weights.unreadable"
    WHOLE_MODEL = "weights.whole_model"


class PictureProblem(StrEnum):
    """Why an upload is no usable picture."""

    EMPTY = "pruning.picture.empty"
    TOO_LARGE = "pruning.picture.too_large"
    TOO_MANY_PIXELS = "pruning.picture.too_many_pixels"
    TOO_SMALL = "pruning.picture.too_small"
    BROKEN = "pruning.picture.broken"
    TOO_COSTLY = "pruning.picture.too_costly"
    WRONG_FORMAT = "pruning.picture.wrong_format"
    TEXT_FILE = "pruning.picture.text_file"
    UNKNOWN_FORMAT = "pruning.picture.unknown_format"


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

    facts: ClassVar = frozenset(PruningFact)
    kind: Literal["pruning"] = "pruning"
    picture: dict[str, Any] | None = None
    """``{"format","width","height","sha256","blank","doubtful","fingerprint"}`` of the re-encoded picture.

    See `grader.picture_fingerprint`; pictures that were measured before there were fingerprints have none.
    """
    picture_error: PictureProblem | None = None
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

    @property
    def remarks(self) -> tuple[Observation, ...]:
        if self.picture_error is None:
            return self.notes
        return (Observation(id=self.picture_error, params=self.picture_error_params), *self.notes)

    @property
    def is_reproducible(self) -> bool:
        is_whole = self.curve_fault is None and not self.curve_stopped
        return super().is_reproducible and is_whole and self.curve_outcome.is_reproducible

    @property
    def lost_to_fault(self) -> bool:
        return super().lost_to_fault or self.curve_fault is not None

    @property
    def was_killed(self) -> bool:
        own_loss = self.own_loss is not None and self.own_loss.outcome is Outcome.DIED
        return super().was_killed or own_loss or self.curve_outcome is Outcome.DIED

    @property
    def measured_on(self) -> tuple[str, str] | None:
        return (self.data, self.data_digest or "") if self.data is not None else None
