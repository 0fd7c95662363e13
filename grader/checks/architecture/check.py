"""The check `architecture`: a model of the student is built, run, counted, and its count confirmed on its export."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from grader.assignment import Assignment, Question
from grader.check import Check
from grader.checks.architecture import confirmation, measure
from grader.checks.architecture import score as scoring
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.architecture.options import ArchitectureOptions
from grader.context import GradingContext, LoadFailure
from grader.evidence import Evidence
from grader.intake import EntryKind
from grader.verdicts import QuestionScore

_SCRIPT = Path(__file__).with_name("replay_model.py")


class Architecture(Check[ArchitectureEvidence, ArchitectureOptions]):
    """See the module."""

    evidence_type = ArchitectureEvidence
    options_type = ArchitectureOptions
    runs_code = True
    entry_kind = EntryKind.NETWORK
    stores = frozenset({"artefact"})
    facts: ClassVar = {"parameters": ("parameters",)}

    def examine(self, context: GradingContext, question: Question) -> ArchitectureEvidence:
        """Record what the live model shows, then confirm its count on the artefact."""
        part = context.code_part(question, self.entry_kind)
        if part is None:
            return ArchitectureEvidence(submitted=False)
        options = self.options(question)
        with context.load_part(part, question, self.entry_kind) as loaded:
            if isinstance(loaded, LoadFailure):
                return ArchitectureEvidence(parameter_limit=options.parameter_limit, **loaded.fields)
            context.report_progress(context.code_name(question), 1, 3)
            rng = np.random.default_rng()
            live = measure.measure(loaded.child, question, rng, loaded.defined_names)
            live = loaded.with_notes(live, None)  # an entry point is called without arguments
            if not live.awaits_confirmation:
                return live
            if context.quick:
                return live
            context.record_evidence(question, live)
            context.report_progress(context.code_name(question), 2, 3)
            with context.stage_timer("confirmation"):
                evidence, artefact = confirmation.confirm(
                    loaded.child, context.open_measuring_child, options.input_shape, live, rng
                )
        if artefact is not None:
            context.keep_artefact(artefact, evidence.verified)
        return evidence

    def is_settled(self, evidence: ArchitectureEvidence, others: Collection[Evidence]) -> bool:
        return not evidence.awaits_confirmation

    def replay(
        self, assignment: Assignment, question: Question, evidence: ArchitectureEvidence | None
    ) -> Mapping[str, str]:
        return {_SCRIPT.name: _SCRIPT.read_text(encoding="utf-8")}

    def score(self, assignment: Assignment, question: Question, evidence: ArchitectureEvidence) -> QuestionScore:
        return scoring.score(question, evidence)
