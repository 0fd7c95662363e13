"""The check `kd_loss`: a loss of the student is examined by term, and its known mistakes are named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from grader.assignment import Assignment, Question
from grader.check import Check
from grader.checks.kd_loss import kd_replay, measure, options
from grader.checks.kd_loss import score as scoring
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.kd_loss.options import KDLossOptions
from grader.context import GradingContext, LoadFailure
from grader.intake import EntryKind
from grader.verdicts import QuestionScore


class KDLoss(Check[KDLossEvidence, KDLossOptions]):
    """See the module."""

    evidence_type = KDLossEvidence
    options_type = KDLossOptions
    runs_code = True
    entry_kind = EntryKind.LOSS
    facts: ClassVar = {"mistake": ("diagnosis",), "further_mistakes": ("diagnosis_with",)}

    def examine(self, context: GradingContext, question: Question) -> KDLossEvidence:
        part = context.code_part(question, self.entry_kind)
        if part is None:
            return KDLossEvidence(submitted=False)
        limits = context.sandbox.policy.limits.override({**measure.LIMITS, **context.assignment.sandbox})
        with context.load_part(part, question, self.entry_kind, limits=limits) as loaded:
            if isinstance(loaded, LoadFailure):
                return KDLossEvidence(**loaded.fields)
            context.report_progress(context.code_name(question), 1, 2)
            rng = np.random.default_rng()
            names = loaded.defined_names
            evidence = measure.measure(loaded.child, context.assignment, question, rng, defined_names=names)
            return loaded.with_notes(evidence, evidence.defaulted)

    def score(self, assignment: Assignment, question: Question, evidence: KDLossEvidence) -> QuestionScore:
        return scoring.score(assignment, question, evidence)

    def replay(self, assignment: Assignment, question: Question, evidence: KDLossEvidence | None) -> Mapping[str, str]:
        return kd_replay.files(assignment, question, evidence)

    def problems(self, assignment: Assignment, question: Question) -> Iterator[tuple[str, str]]:
        yield from options.problems(assignment, question)
