"""Training a hand-in's model for a moment, in the sandbox: by the reference loss, or by the student's own."""

from __future__ import annotations

from functools import partial

import numpy as np

from grader import data
from grader.checks import architecture, binding, curve, distillation, kd_loss
from grader.checks.binding import Plan
from grader.checks.distillation import Distilled
from grader.evidence import ArchitectureEvidence, Outcome
from grader.run import Run
from grader.sandbox.child import LockedChild
from reference_models import trained


class Training(Run):
    """A run that can train the model whose count was confirmed."""

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

        A size counts only if the artefact takes it too, because that is what will be measured.
        """
        tried = Distilled(None, Outcome.ERROR, 0)
        own_size = self.assignment.input_shape[1]
        for size in self._taken([*distillation.sizes(budget, self.cost, images.size), own_size], images):
            tried = self.trained("distillation", budget, images, size)
            if tried.weights is not None or tried.steps or tried.outcome is not Outcome.ERROR:
                return tried, size
        return tried, own_size

    def _taken(self, sizes: list[int], images: data.DataSet) -> list[int]:
        """Those of the sizes at which the artefact can be run."""
        artefact = self.grading.artefact
        assert artefact is not None  # noqa: S101 - nothing is trained without one
        with self.measuring_child() as child:
            one = np.zeros(1, np.int64)
            return [n for n in dict.fromkeys(sizes) if curve.takes(child, artefact, images.hidden.images(one, n))]

    def trained(self, stage: str, budget: float, images: data.DataSet, size: int, own: bool = False) -> Distilled:
        """One training at this size; ``own``: by the student's loss, called as in its examination."""
        batch = distillation.batch_of(size)
        steps = distillation.steps_within(budget, self.cost(size), batch)
        part, limits = self.handin.parts["model"], self.patient.override(distillation.LIMITS)
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
