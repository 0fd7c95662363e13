"""A kind of check that is not part of the package: whether a summary is short, and how many numbers it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from grader.assignment import Assignment, Question
from grader.check import Check, ForScoring, Options, Points
from grader.checks import registry
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.context import GradingContext
from grader.evidence import Evidence, Fault, Note
from grader.parts import PartKind
from grader.verdicts import QuestionScore, Verdict, result

MESSAGES = Path(__file__).with_name("messages.toml")


class LengthOptions(Options):
    """``most``: characters of a short text; ``too_long_points``: points of a longer one; ``skip``: not counted."""

    most: Annotated[int, ForScoring]
    too_long_points: Points = 0.0
    skip: str = ""


class LengthEvidence(Evidence):
    """``numbers`` are counted in the later stage; ``parameters`` are those of the confirmed model."""

    kind: Literal["length"] = "length"
    characters: int = 0
    parameters: int | None = None
    numbers: int | None = None
    lost: bool = False


class Length(Check[LengthEvidence, LengthOptions]):
    """See the module."""

    evidence_type = LengthEvidence
    options_type = LengthOptions
    facts: ClassVar = {"accuracy": ("characters",)}

    def rests_on(self, question: Question) -> tuple[type[Evidence], ...]:
        return (ArchitectureEvidence,)

    def examine(self, context: GradingContext, question: Question) -> LengthEvidence:
        part = context.part(question, PartKind.TEXT)
        if part is None:
            return LengthEvidence(submitted=False)
        model = context.find(ArchitectureEvidence)
        parameters = model.parameters if model is not None and model.verified else None
        text = part.data.decode().replace(self.options(question).skip or "\0", "")
        return LengthEvidence(characters=len(text), parameters=parameters)

    def is_due(
        self, assignment: Assignment, question: Question, parts: Collection[str], evidence: Mapping[str, Evidence]
    ) -> bool:
        length = evidence[question.number]
        return isinstance(length, LengthEvidence) and length.submitted and length.numbers is None and not length.lost

    def later(self, context: GradingContext, question: Question) -> None:
        evidence = context.evidence_of(question, LengthEvidence)
        assert evidence is not None
        part = context.part(question, PartKind.TEXT)
        assert part is not None
        words = part.data.decode().split()
        numbers = sum(word.replace(",", "").isdigit() for word in words)
        context.record_evidence(question, evidence.model_copy(update={"numbers": numbers}))

    def without_later(self, question: Question, evidence: LengthEvidence, fault: Fault | None) -> LengthEvidence:
        return evidence.model_copy(update={"lost": True})

    def score(self, assignment: Assignment, question: Question, evidence: LengthEvidence) -> QuestionScore:
        options = self.options(question)
        params = {"characters": evidence.characters, "most": options.most, "numbers": evidence.numbers}
        if evidence.parameters is None:
            return result(question, 0.0, Verdict.NEEDS_REVIEW, Note(id="length.no_model", params=params))
        if evidence.characters > options.most:
            return result(question, options.too_long_points, None, Note(id="length.too_long", params=params))
        return result(question, question.points, None, Note(id="length.fits", params=params))


def add() -> None:
    """Let the engine know this kind."""
    registry.add(Length(), MESSAGES)
