"""A preview of a form before it counts: its parts are read and not executed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from app import language
from grader import intake, messages
from grader.answers import read_answers
from grader.assignment import Assignment
from grader.checks.choice import measure as choice
from grader.checks.pruning import measure as pruning
from grader.checks.pruning.evidence import PruningEvidence
from grader.checks.summary import measure as summary
from grader.checks.summary.evidence import SummaryEvidence
from grader.evidence import Observation
from grader.intake import IntakeFact
from grader.parts import PartKind
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
class TextPreview:
    """A part of text: its lines, and its total if a question expects a summary of a network."""

    title: str
    lines: int
    summary: SummaryEvidence | None
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class PicturePreview:
    """A picture, with the table of its data points if the same question has one."""

    title: str
    evidence: PruningEvidence
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """The parts that a form holds. ``unanswered`` are the numbers of questions without a part or an answer."""

    codes: tuple[CodePreview, ...]
    texts: tuple[TextPreview, ...]
    answers: Mapping[str, str]
    """By question the text of its choice."""
    pictures: tuple[PicturePreview, ...]
    weights: Mapping[str, int]
    """Bytes by title. Weights are only opened inside the sandbox."""
    unanswered: tuple[str, ...]


def read_parts(assignment: Assignment, parts: Mapping[str, Part], repair: Repair, tag: str) -> Preview:
    """Read the parts as the grading will, with remarks in a language."""
    codes = tuple(_codes(assignment, parts, repair, tag))
    answers = _read_answers(assignment, parts)
    return Preview(
        codes=codes,
        texts=tuple(_texts(assignment, parts, tag)),
        answers=_choices(assignment, answers, tag),
        pictures=tuple(_pictures(assignment, parts, tag)),
        weights={
            language.text(part.title, tag): len(parts[part.name].data)
            for part in assignment.parts
            if part.kind is PartKind.WEIGHTS and part.name in parts
        },
        unanswered=_unanswered(assignment, parts, codes, answers),
    )


def _codes(assignment: Assignment, parts: Mapping[str, Part], repair: Repair, tag: str) -> Iterator[CodePreview]:
    prelude_names = _defined_names(assignment.prelude_source())
    shown: dict[str, set[str]] = {}
    for question in assignment.questions:
        own, others = assignment.code_parts(question)
        part = intake.find_part(parts, own, others, question.entry) if question.entry and own else None
        if part is None or question.entry is None:
            continue
        name = next(name for name in (*own, *others) if parts.get(name) is part)
        result = intake.read_part(part, question.entry, prelude_names, repair)
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


@cache
def _defined_names(prelude: str) -> frozenset[str]:
    return intake.defined_names(prelude)


def _texts(assignment: Assignment, parts: Mapping[str, Part], tag: str) -> Iterator[TextPreview]:
    for name in assignment.part_names(PartKind.TEXT):
        if name in parts:
            question = next((one for one in assignment.questions if one.check == "summary" and name in one.parts), None)
            evidence = summary.measure(parts[name].data, None, question) if question else None
            lines = len(parts[name].data.splitlines())
            remarks = _render(evidence.notes if evidence else (), tag)
            yield TextPreview(_title(assignment, name, tag), lines, evidence, remarks)


def _pictures(assignment: Assignment, parts: Mapping[str, Part], tag: str) -> Iterator[PicturePreview]:
    """The picture and the table of each question that has any."""
    shown: set[str] = set()
    for question in assignment.questions:
        names = [next(iter(assignment.part_names(kind, question)), "") for kind in (PartKind.PICTURE, PartKind.TABLE)]
        submitted = [name for name in names if name in parts and name not in shown]
        if not submitted:
            continue
        shown.update(submitted)
        picture, table = (parts[name].data if name in parts else None for name in names)
        evidence, _ = pruning.measure(picture, table)
        error = (
            [Observation(id=evidence.picture_error, params=evidence.picture_error_params)]
            if evidence.picture_error
            else []
        )
        title = _title(assignment, names[0] or names[1], tag)
        yield PicturePreview(title, evidence, _render((*error, *evidence.notes), tag))


def _read_answers(assignment: Assignment, parts: Mapping[str, Part]) -> dict[str, str]:
    """By question the answer of a choice, as it was written."""
    answers = {}
    for question in assignment.questions:
        for name in assignment.part_names(PartKind.ANSWERS, question):
            if name in parts:
                answers[question.number] = read_answers(parts[name].data).get(question.number, "")
    return answers


def _choices(assignment: Assignment, answers: Mapping[str, str], tag: str) -> dict[str, str]:
    texts = {}
    for question in assignment.questions:
        choices = question.options.get("choices")
        if choices and answers.get(question.number):
            answer = choice.measure(answers, question).answer or ""
            texts[question.number] = language.text(choices[answer], tag) if answer in choices else answer
    return texts


def _unanswered(
    assignment: Assignment, parts: Mapping[str, Part], codes: tuple[CodePreview, ...], answers: Mapping[str, str]
) -> tuple[str, ...]:
    entries = {code.entry for code in codes}
    return tuple(
        question.number
        for question in assignment.questions
        if not (parts.keys() & set(question.parts) or question.entry in entries)
        or ("choices" in question.options and not answers.get(question.number))
    )


def _title(assignment: Assignment, name: str, tag: str) -> str:
    return language.text(assignment.part(name).title, tag)


def _render(notes: Iterable[Observation], tag: str) -> tuple[str, ...]:
    return tuple(messages.render(message_of(note), tag) for note in notes)
