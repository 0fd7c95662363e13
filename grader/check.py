"""The interface of a check: what the engine asks of a kind of question, and nothing else.

`grader.checks.registry` lists the kinds. ``docs/new-check.md`` shows how to write one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from grader.assignment import Assignment, Question
from grader.context import GradingContext
from grader.evidence import Evidence, Fault
from grader.intake import EntryKind
from grader.parts import PartKind
from grader.reading.reader import Reading as Reading
from grader.rubric import Progress, RubricTrial
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part
from grader.verdicts import QuestionScore

Fact = Literal["parameters", "accuracy", "mistake", "further_mistakes"]
EvidenceT = TypeVar("EvidenceT", bound=Evidence)
OptionsT = TypeVar("OptionsT", bound="Options")


class ForScoring:
    """Marks an option that only ``score`` reads: a change of it makes no evidence stale."""


class Public:
    """Marks an option that everybody may know: the API, the replay archive and charts show it."""


class OwnPoints:
    """Marks an option that is a number of points, from 0 to those of the question."""


Points = Annotated[float, ForScoring, OwnPoints]


class Options(BaseModel):
    """Base of the options of a check in ``assignment.toml``.

    Unknown options are ignored, because stored versions of an assignment may hold options of former versions of Assay.
    """

    model_config = ConfigDict(frozen=True)

    @classmethod
    def marked(cls, mark: type) -> frozenset[str]:
        """The names of the options with this mark."""
        return frozenset(name for name, field in cls.model_fields.items() if mark in field.metadata)


class Check(ABC, Generic[EvidenceT, OptionsT]):
    """A kind of question. It has no state: one object serves all gradings, in several threads."""

    evidence_type: type[EvidenceT]
    options_type: type[OptionsT]
    runs_code: ClassVar[bool] = False
    """Whether it runs student code. Such questions are examined at the same time, all others one after another."""
    tries_rubric: ClassVar[bool] = False
    """Whether `try_rubric` grades files of the author's."""
    entry_kind: ClassVar[EntryKind] = EntryKind.FUNCTION
    """What it calls in the student's code: a network or a loss of another name can stand in for the asked one."""
    is_guessable: ClassVar[bool] = False
    """Whether a few guesses find the right answer: its result is told after the deadline by default."""
    stores: ClassVar[frozenset[str]] = frozenset()
    """What it gives to the observer beside evidence: ``picture``, ``artefact``."""
    facts: ClassVar[Mapping[Fact, tuple[str | int, ...]]] = {}
    """What tables and charts of a class show, each with its path in the evidence. A database reads them from the stored
    evidence of a whole class at once, of all versions: the fields on a path keep their names."""

    @property
    def kind(self) -> str:
        """The name of the check in ``assignment.toml``."""
        return self.evidence_type.check()

    def options(self, question: Question) -> OptionsT:
        """The typed options of a question. Raises ``pydantic.ValidationError``."""
        return question.typed_options(self.options_type)

    def rests_on(self, question: Question) -> tuple[type[Evidence], ...]:
        """The evidence of other questions that measuring reads: when it lands, the question is examined again."""
        return ()

    def inputs(self, assignment: Assignment, question: Question) -> Mapping[str, Any]:
        """What measuring reads of the assignment besides the question's own parts, options and files, as JSON data."""
        return {"sandbox": dict(assignment.sandbox)}

    def read(
        self, question: Question, parts: Mapping[PartKind, Part], others: Collection[Evidence] = ()
    ) -> Reading[EvidenceT] | None:
        """What reading the question's own parts shows, given evidence of other questions: nothing may run.

        It runs in a child with limits, for the preview of the form (without ``others``) and where the check calls
        `GradingContext.read`. ``None`` for parts that only running shows.
        """
        return None

    @abstractmethod
    def examine(self, context: GradingContext, question: Question) -> EvidenceT | None:
        """Measure the evidence of a question, or ``None`` while evidence that it rests on is missing.

        ``context.record_evidence`` shows provisional evidence on the way. Called again for every evidence that lands
        on which the question rests; `GradingContext.evidence_of` returns the former result.
        """

    def examine_last(self, context: GradingContext, question: Question) -> EvidenceT | None:
        """Measure what decides no verdict, when all verdicts are in and nothing else runs; ``None`` for no change."""
        return None

    def is_settled(self, evidence: EvidenceT, others: Collection[Evidence]) -> bool:
        """Whether the first stage changes nothing of this evidence any more, given that of all other questions."""
        return True

    def is_due(
        self, assignment: Assignment, question: Question, parts: Collection[str], evidence: Mapping[str, Evidence]
    ) -> bool:
        """Whether `later` has something to add, given the names of the submitted parts and all evidence by question."""
        return False

    def later(self, context: GradingContext, question: Question) -> None:
        """Measure what is slow and changes no points, and record it. Only called when it `is_due`."""
        raise NotImplementedError

    def without_later(self, question: Question, evidence: EvidenceT, fault: Fault | None) -> EvidenceT:
        """The evidence when the later stage was lost through a fault of ours, or was stopped by a person (``None``)."""
        return evidence

    @abstractmethod
    def score(self, assignment: Assignment, question: Question, evidence: EvidenceT) -> QuestionScore:
        """Points and messages: a pure function. The evidence was submitted and has no fault."""

    def replay(self, assignment: Assignment, question: Question, evidence: EvidenceT | None) -> Mapping[str, str]:
        """Texts for the replay archive by file name, with which a student repeats the measuring at home.

        Asked of each question whose code can be read; ``assignment`` is the version of the evidence. Everything must be
        the student's own or drawn for this run: what other gradings share stays secret. Scripts import ``replaying``,
        which is in every archive and loads the code.
        """
        return {}

    def try_rubric(
        self, sandbox: Sandbox, assignment: Assignment, question: Question, progress: Progress
    ) -> RubricTrial:
        """Grade the author's own right and wrong solutions. Raises `InfrastructureFault`."""
        return RubricTrial(question.number)

    def problems(self, assignment: Assignment, question: Question) -> Iterator[tuple[str, str]]:
        """Options by name that cannot be used, and what is wrong with each, beyond their types."""
        yield from ()


class NoOptions(Options):
    """The options of a check that has none."""


AnyCheck = Check[Any, Any]


def is_points(value: object, question: Question) -> bool:
    """Whether a value is a number of points that the question can give."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= question.points
