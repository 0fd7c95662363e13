"""A preview of a form before it counts: its parts are read and not executed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app import language
from grader import intake, messages
from grader.assignment import Assignment, Question
from grader.checks import registry
from grader.evidence import Evidence, Observation
from grader.intake import IntakeFact
from grader.parts import PartDefinition, PartKind
from grader.submission import Part, Repair
from grader.verdicts import message_of

_SHOWN_APART = frozenset({IntakeFact.DROPPED, IntakeFact.DAMAGE_SUSPECTED, IntakeFact.REPAIRED})
_KNOWN_AFTER_RUN = IntakeFact.SETTINGS_MISSING
"""Only a run shows whether the code needs a value that is missing."""


@dataclass(frozen=True)
class CodePreview:
    """What intake reads of a part of code for one entry point, and whether the part defines it.

    ``other_part`` is the title of the part that defines it instead of the question's own. ``is_first`` marks the first
    entry point of a part, beside which the page shows what concerns the part as a whole. ``remarks`` are sentences.
    """

    part: str
    title: str
    entry: str
    has_entry: bool
    other_part: str | None
    is_first: bool
    result: intake.IntakeResult
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class QuestionPreview:
    """What the check of a question reads of its parts. The page shows it by the kind of the check.

    ``title`` is that of the first part.
    """

    question: Question
    title: str
    evidence: Evidence
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class OtherPreview:
    """A part that only running shows: ``lines`` of a text, ``size`` in bytes of all others."""

    title: str
    lines: int | None
    size: int


@dataclass(frozen=True)
class Preview:
    """The parts that a form holds. ``unanswered`` are the numbers of questions without a part or an answer."""

    codes: tuple[CodePreview, ...]
    questions: tuple[QuestionPreview, ...]
    others: tuple[OtherPreview, ...]
    unanswered: tuple[str, ...]


def read_parts(assignment: Assignment, parts: Mapping[str, Part], repair: Repair, tag: str) -> Preview:
    """Read the parts as the grading will, with remarks in a language."""
    codes = tuple(_codes(assignment, parts, repair, tag))
    called = {code.entry for code in codes}
    questions, unanswered, shown = [], [], {code.part for code in codes}
    for question in assignment.questions:
        own = assignment.by_kind(question, parts)
        evidence = registry.of(question).read(question, own)
        if not (own or question.entry in called) or (evidence is not None and not evidence.submitted):
            unanswered.append(question.number)
        elif evidence is not None:
            # Weights are only opened inside the sandbox.
            names = [name for name in parts if name in question.parts and not _is_weights(assignment, name)]
            shown.update(names)
            title = _title(assignment, next(part.name for part in assignment.parts if part.name in names), tag)
            questions.append(QuestionPreview(question, title, evidence, _render(evidence.remarks, tag)))
    others = [_other(part, parts[part.name], tag) for part in assignment.parts if part.name in parts.keys() - shown]
    return Preview(codes, tuple(questions), tuple(others), tuple(unanswered))


def _is_weights(assignment: Assignment, name: str) -> bool:
    return assignment.part(name).kind is PartKind.WEIGHTS


def _other(definition: PartDefinition, part: Part, tag: str) -> OtherPreview:
    lines = len(part.data.splitlines()) if definition.is_text else None
    return OtherPreview(language.text(definition.title, tag), lines, len(part.data))


def _codes(assignment: Assignment, parts: Mapping[str, Part], repair: Repair, tag: str) -> Iterator[CodePreview]:
    prelude_names = intake.prelude_names(assignment.prelude_source())
    readers = {name: intake.PartReader(part, prelude_names, repair) for name, part in parts.items()}
    shown: dict[str, set[str]] = {}
    for question in assignment.questions:
        own, others = assignment.code_parts(question)
        kind = registry.of(question).entry_kind
        part = intake.find_part(parts, own, others, question.entry, kind) if question.entry and own else None
        if part is None or question.entry is None:
            continue
        name = next(name for name in (*own, *others) if parts.get(name) is part)
        result = readers[name].read(question.entry, kind)
        notes = tuple(note for note in result.notes if note.id not in {*_SHOWN_APART, _KNOWN_AFTER_RUN})
        remarks = _render(notes, tag)
        yield CodePreview(
            part=name,
            title=_title(assignment, own[0], tag),
            entry=question.entry,
            has_entry=result.source is not None and question.entry in intake.defined_names(result.source),
            other_part=_title(assignment, name, tag) if name not in own else None,
            is_first=name not in shown,
            result=result,
            # A remark on the part as a whole comes with each of its entry points.
            remarks=tuple(remark for remark in remarks if remark not in shown.get(name, ())),
        )
        shown.setdefault(name, set()).update(remarks)


def _title(assignment: Assignment, name: str, tag: str) -> str:
    return language.text(assignment.part(name).title, tag)


def _render(notes: Iterable[Observation], tag: str) -> tuple[str, ...]:
    return tuple(messages.render(message_of(note), tag) for note in notes)
