"""Training a hand-in's model for a moment, in the sandbox: by the reference loss, or by the student's own."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from grader import data
from grader.checks import architecture, binding, confirmation, curve, distillation, kd_loss
from grader.checks.binding import Plan
from grader.checks.distillation import Distilled
from grader.evidence import ArchitectureEvidence, Outcome
from grader.context import Run
from grader.sandbox.child import LockedChild
from grader.submission import Part
from reference_models import trained


class Training(Run):
    """A run that can train the model whose count was confirmed."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.measuring_limits = self.limits.override(self.sandbox.policy.measuring)
        """Minutes instead of seconds: nobody's verdicts wait for the later stage."""
        self._artefacts: dict[int, bytes | None] = {}

    @property
    def model(self) -> ArchitectureEvidence:
        """The evidence of the model."""
        models = (found for found in self.grading.evidence.values() if isinstance(found, ArchitectureEvidence))
        return next(models)

    def cost(self, size: int) -> float:
        """Mult-adds of one image of this size: convolutions scale with the area."""
        return (self.model.mult_adds or 0) * (size / self.assignment.input_shape[1]) ** 2

    def distilled(self, budget: float, images: data.DataSet) -> tuple[Distilled, int]:
        """A short distillation within the budget, the same for every model, and the size of its images.

        A size counts only if there is an artefact for it, because that is what will be measured.
        """
        tried = Distilled(None, Outcome.ERROR, 0)
        own_size = self.assignment.input_shape[1]
        for size in dict.fromkeys([*distillation.sizes(budget, self.cost, images.size), own_size]):
            if self.artefact_at(size) is None:
                continue
            tried = self.trained("distillation", budget, images, size)
            if tried.weights is not None or tried.steps or tried.outcome is not Outcome.ERROR:
                return tried, size
        return tried, own_size

    def artefact_at(self, size: int) -> bytes | None:
        """The network as data for pictures of this size: the artefact where it takes them, or an export of their own.

        An export keeps the sizes that it saw, where a network pools to 7 x 7 or lets every pixel attend to every other.
        """
        if size not in self._artefacts:
            shape = (self.assignment.input_shape[0], size, size)
            artefact = self.grading.artefact
            assert artefact is not None  # noqa: S101 - nothing is trained without one
            with self.measuring_child() as child:
                taken = curve.takes(child, artefact, np.zeros((1, *shape), np.float32))
            self._artefacts[size] = artefact if taken else self._exported(shape)
        return self._artefacts[size]

    def _source(self) -> Part:
        return self.model_part() or Part(b"")  # there is one, or nothing would be trained

    def _exported(self, shape: tuple[int, int, int]) -> bytes | None:
        """An export for pictures of this shape (C, H, W), confirmed as the artefact was; nothing where it fails."""
        part, assignment = self._source(), self.assignment.model_copy(update={"input_shape": shape})
        with self.loaded(part, "model.py", architecture.ENTRY, "distillation") as (child, _, failed):
            if child is None or failed:
                return None
            child.request("model.build", {"entry": architecture.ENTRY})
            # Lazy layers have no weights before the first pass.
            ran = child.request("model.forward", {"mode": "eval"}, [np.zeros((1, *shape), np.float32)])
            if ran.outcome is not Outcome.OK:
                return None
            rng = np.random.default_rng()
            found, artefact = confirmation.confirm(child, self.measuring_child, assignment, self.model, rng)
        return artefact if found.verified else None

    def trained(self, stage: str, budget: float, images: data.DataSet, size: int, own: bool = False) -> Distilled:
        """One training at this size; ``own``: by the student's loss, called as in its examination."""
        batch = distillation.batch_of(size)
        steps = distillation.steps_within(budget, self.cost(size), batch)
        part, limits = self._source(), self.measuring_limits.override(distillation.LIMITS)
        with self.loaded(part, "model.py", architecture.ENTRY, stage, limits) as (child, _, failed):
            if child is None or failed:  # it loaded a moment ago; now a limit stopped it
                return Distilled(None, failed["outcome"], 0)
            plan = self._own_plan(child) if own else None
            if isinstance(plan, Outcome):
                return Distilled(None, plan, 0)
            return distillation.distil(
                child,
                architecture.ENTRY,
                images.train.ready(size) if size <= images.size else partial(images.train.images, size=size),
                trained.teacher_logits("train"),
                images.train.labels,
                steps,
                lambda done, total: self.progress(stage, done, total),
                distillation.call_of(plan) if plan is not None else None,
                batch,
            )

    def _own_plan(self, child: LockedChild) -> Plan | Outcome:
        """How to call the student's loss, once it is loaded beside the model; or how loading it ended."""
        part = self.loss_part()
        source = self.read(part, kd_loss.ENTRY, "own_loss").source if part is not None else None
        if source is None:
            return Outcome.ERROR
        reply = child.request("distil.load_loss", self.texts(source, "loss.py"))
        if reply.outcome is Outcome.OK:
            reply = child.request("distil.inspect_loss", {"entry": kd_loss.ENTRY})
        if reply.outcome is not Outcome.OK:
            return reply.outcome
        plan = binding.bind(kd_loss.ENTRY, reply.meta) if reply.meta.get("missing") is not True else None
        return plan if isinstance(plan, Plan) else Outcome.ERROR
