"""Training a submitted model for a moment, in the sandbox: by the reference loss, or by the student's own."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial

import numpy as np

from grader import data
from grader.assignment import Question
from grader.checks.architecture import confirmation
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.architecture.options import of_network
from grader.checks.kd_loss import binding
from grader.checks.kd_loss.binding import CallPlan
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.pruning import curve, distillation
from grader.checks.pruning.distillation import TrainingResult
from grader.context import GradingContext, LoadedPart, LoadFailure
from grader.evidence import Outcome
from grader.intake import EntryKind
from grader.sandbox.child import LockedChild
from grader.sandbox.policy import Limits
from grader.submission import Part
from reference_models import trained


class Training:
    """Trains the model whose count was confirmed."""

    def __init__(self, context: GradingContext) -> None:
        self.context = context
        self._artefacts: dict[int, bytes | None] = {}

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The shape (C, H, W) of an image for the model."""
        return of_network(self.context.assignment).input_shape

    @property
    def model(self) -> ArchitectureEvidence:
        """The evidence of the model."""
        model = self.context.find(ArchitectureEvidence)
        assert model is not None  # noqa: S101 - nothing is trained without one
        return model

    def cost(self, size: int) -> float:
        """Mult-adds for one image of this size: convolutions scale with the area."""
        return (self.model.mult_adds or 0) * (size / self.input_shape[1]) ** 2

    def distil(self, budget: float, images: data.DataSet) -> tuple[TrainingResult, int]:
        """A short distillation within the budget, the same for every model, and the size of its images.

        A size counts only if there is an artefact for it, because the artefact is measured afterwards.
        """
        result = TrainingResult(None, Outcome.ERROR, 0)
        own_size = self.input_shape[1]
        for size in dict.fromkeys([*distillation.sizes(budget, self.cost, images.size), own_size]):
            if self.artefact_at(size) is None:
                continue
            steps = distillation.steps_within(budget, self.cost(size), distillation.batch_of(size))
            result = self.train("distillation", steps, images, size)
            if result.weights is not None or result.steps or result.outcome is not Outcome.ERROR:
                return result, size
        return result, own_size

    def artefact_at(self, size: int) -> bytes | None:
        """The network as data for pictures of this size: the artefact if it takes them, else a new export.

        An export is fixed to the size of its example if the network pools to 7 x 7 or attends to every pixel.
        """
        if size not in self._artefacts:
            shape = (self.input_shape[0], size, size)
            artefact = self.context.grading.artefact
            assert artefact is not None  # noqa: S101 - nothing is trained without one
            with self.context.open_measuring_child() as child:
                fits = curve.accepts(child, artefact, np.zeros((1, *shape), np.float32))
            self._artefacts[size] = artefact if fits else self._export(shape)
        return self._artefacts[size]

    def _load_model(self, stage: str, limits: Limits | None = None) -> AbstractContextManager[LoadedPart | LoadFailure]:
        return self.context.load_part(self._model_source(), self._model_question, EntryKind.NETWORK, stage, limits)

    def _model_source(self) -> Part:
        return self.context.code_part(self._model_question, EntryKind.NETWORK) or Part(
            b""
        )  # a confirmed model always has a part

    @property
    def _model_question(self) -> Question:
        question = self.context.question_of(ArchitectureEvidence)
        assert question is not None  # noqa: S101 - nothing is trained without a model
        return question

    @property
    def _model_entry(self) -> str:
        return str(self._model_question.entry)

    def _export(self, shape: tuple[int, int, int]) -> bytes | None:
        """An export for pictures of this shape (C, H, W), confirmed as the artefact was; ``None`` if it fails."""
        with self._load_model("distillation") as loaded:
            if isinstance(loaded, LoadFailure):
                return None
            loaded.child.request("model.build", {"entry": self._model_entry})
            # Lazy layers have no weights before the first pass.
            reply = loaded.child.request("model.forward", {"mode": "eval"}, [np.zeros((1, *shape), np.float32)])
            if reply.outcome is not Outcome.OK:
                return None
            rng = np.random.default_rng()
            evidence, artefact = confirmation.confirm(
                loaded.child, self.context.open_measuring_child, shape, self.model, rng
            )
        return artefact if evidence.verified else None

    def train(self, stage: str, steps: int, images: data.DataSet, size: int, own: bool = False) -> TrainingResult:
        """One training at this size; ``own``: by the student's loss, called as in its examination."""
        batch = distillation.batch_of(size)
        limits = self.context.measuring_limits.override(distillation.LIMITS)
        with self._load_model(stage, limits) as loaded:
            if isinstance(loaded, LoadFailure):  # it loaded a moment ago; now a limit stopped it
                return TrainingResult(None, loaded.outcome, 0)
            plan = self._plan_own_loss(loaded.child) if own else None
            if isinstance(plan, Outcome):
                return TrainingResult(None, plan, 0)
            return distillation.distil(
                loaded.child,
                self._model_entry,
                images.train.ready(size) if size <= images.size else partial(images.train.images, size=size),
                trained.teacher_logits("train"),
                images.train.labels,
                steps,
                lambda done, total: self.context.report_progress(stage, done, total),
                distillation.call_of(plan) if plan is not None else None,
                batch,
            )

    def _plan_own_loss(self, child: LockedChild) -> CallPlan | Outcome:
        """How to call the student's loss once it is loaded beside the model, or how loading it ended."""
        question = self.context.question_of(KDLossEvidence)
        part = self.context.code_part(question, EntryKind.LOSS) if question is not None else None
        if question is None or part is None:
            return Outcome.ERROR
        entry = str(question.entry)
        source = self.context.read_part(part, entry, "own_loss", EntryKind.LOSS).source
        if source is None:
            return Outcome.ERROR
        reply = child.request("distil.load_loss", self.context.load_request(source, self.context.code_name(question)))
        if reply.outcome is Outcome.OK:
            reply = child.request("distil.inspect_loss", {"entry": entry})
        if reply.outcome is not Outcome.OK:
            return reply.outcome
        plan = binding.bind(entry, reply.meta) if reply.meta.get("missing") is not True else None
        return plan if isinstance(plan, CallPlan) else Outcome.ERROR
