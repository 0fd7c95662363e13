"""The check `choice`: one choice of several is read from the answers."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from grader import spelling
from grader.answers import AnswersError, read_answers
from grader.assignment import Assignment, Question
from grader.check import Check, Reading
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.architecture.options import of_network
from grader.checks.choice import measure, speed
from grader.checks.choice import score as scoring
from grader.checks.choice.evidence import ChoiceEvidence, ChoiceFact
from grader.checks.choice.options import ChoiceOptions
from grader.context import GradingContext
from grader.evidence import Evidence, Observation, Outcome
from grader.parts import PartKind
from grader.submission import Part
from grader.verdicts import QuestionScore


class Choice(Check[ChoiceEvidence, ChoiceOptions]):
    """See the module."""

    evidence_type = ChoiceEvidence
    options_type = ChoiceOptions
    is_guessable = True

    def rests_on(self, question: Question) -> tuple[type[Evidence], ...]:
        return (ArchitectureEvidence,) if self.options(question).measure_times else ()

    def inputs(self, assignment: Assignment, question: Question) -> Mapping[str, Any]:
        return {}

    def read(
        self, question: Question, parts: Mapping[PartKind, Part], others: Collection[Evidence] = ()
    ) -> Reading[ChoiceEvidence]:
        answers: Mapping[str, str] = {}
        if PartKind.ANSWERS in parts:
            with contextlib.suppress(AnswersError):
                answers = read_answers(parts[PartKind.ANSWERS].data)
        return Reading(measure.measure(answers, question))

    def examine(self, context: GradingContext, question: Question) -> ChoiceEvidence:
        return context.evidence_of(question, ChoiceEvidence) or context.read(self, question).evidence

    def examine_last(self, context: GradingContext, question: Question) -> ChoiceEvidence | None:
        """Add the times of a confirmed model, without which the answer stands."""
        evidence, artefact = context.evidence_of(question, ChoiceEvidence), context.grading.artefact
        if evidence is None or not evidence.submitted or artefact is None or not self.options(question).measure_times:
            return None
        shape = of_network(context.assignment).input_shape
        image = np.random.default_rng().standard_normal((1, *shape), np.float32)
        with context.stage_timer("times"), context.open_measuring_child() as child:
            seconds = speed.times(child, artefact, image)
        if isinstance(seconds, tuple):
            return evidence.model_copy(update={"seconds_unpruned": seconds[0], "seconds_pruned_90": seconds[1]})
        if seconds in (Outcome.TIMEOUT, Outcome.MEMORY):
            return evidence.model_copy(update={"notes": (*evidence.notes, Observation(id=ChoiceFact.NOT_TIMED))})
        return None

    def score(self, assignment: Assignment, question: Question, evidence: ChoiceEvidence) -> QuestionScore:
        return scoring.score(assignment, question, evidence)

    def problems(self, assignment: Assignment, question: Question) -> Iterator[tuple[str, str]]:
        choices, key = question.options.get("choices"), question.options.get("key")
        if not isinstance(choices, dict) or not choices:
            yield "choices", "names the answers that there are, each with its texts"
        elif key not in list(choices):
            yield "key", f"is one of {', '.join(choices)}, not {key!r}{spelling.suggestion(str(key), choices)}"
