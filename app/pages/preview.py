"""What a form holds, found by reading it: shown before a hand-in counts. Nothing of it is executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from app import language
from grader import intake, messages
from grader.assignment import Assignment
from grader.checks import architecture, choice, kd_loss, pruning, summary
from grader.evidence import Note, PruningEvidence, SummaryEvidence
from grader.submission import Part

ENTRIES: Final[Mapping[str, str]] = {"model": architecture.ENTRY, "loss": kd_loss.ENTRY}
"""The code parts and the function that each must define."""
_SAID_APART = frozenset({"intake.dropped", "intake.damage_suspected", "intake.repaired", "code.missing_name"})
_SAID_ON_FAILURE = "intake.settings_missing"
"""Only a run can show whether a value that nobody handed in is missed."""


@dataclass(frozen=True)
class CodeFound:
    """A code part: whether its entry point is there, and what intake made of the text.

    ``inside_model`` tells that the loss was found in the model's notebook. ``remarks`` are sentences.
    """

    part: str
    entry: str
    is_there: bool
    inside_model: bool
    taken: intake.IntakeResult
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """Everything found. ``unanswered`` are the numbers of the questions that nothing was handed in for."""

    codes: tuple[CodeFound, ...]
    summary: SummaryEvidence | None
    summary_remarks: tuple[str, ...]
    answers: Mapping[str, str]
    """The text of the choice that was understood, by question."""
    pruning: PruningEvidence | None
    pruning_remarks: tuple[str, ...]
    weights_size: int | None
    """Bytes. Weights are only opened inside the sandbox."""
    unanswered: tuple[str, ...]


def look(assignment: Assignment, parts: Mapping[str, Part], repair: Literal["suggest", "apply"], tag: str) -> Preview:
    """What the grading will find in these parts, told in a language."""
    plot, points, weights = (parts.get(name) for name in ("pruning_plot", "pruning_points", "weights"))
    found, _ = pruning.measure(plot.data if plot else None, points.data if points else None)
    error = [Note(id=found.picture_error, params=found.picture_error_params)] if found.picture_error else []
    codes = tuple(_codes(assignment, parts, repair, tag))
    read = _summary(assignment, parts.get("summary"))
    return Preview(
        codes=codes,
        summary=read,
        summary_remarks=_told(read.notes if read else (), tag),
        answers=_answers(assignment, parts.get("answers"), tag),
        pruning=found if plot or points else None,
        pruning_remarks=_told((*error, *found.notes), tag),
        weights_size=len(weights.data) if weights else None,
        unanswered=_unanswered(assignment, parts, codes),
    )


def _codes(
    assignment: Assignment, parts: Mapping[str, Part], repair: Literal["suggest", "apply"], tag: str
) -> list[CodeFound]:
    found = []
    known = _defined_by(assignment.prelude_source())
    for name, entry in ENTRIES.items():
        part = intake.find_part(parts, name, entry)
        if part is None:
            continue
        inside_model = name == "loss" and name not in parts
        taken = intake.read_part(part, entry, known, repair)
        is_there = taken.source is not None and entry in intake.defined_names(taken.source)
        remarks = _told(tuple(note for note in taken.notes if note.id not in {*_SAID_APART, _SAID_ON_FAILURE}), tag)
        found.append(CodeFound(name, entry, is_there, inside_model, taken, remarks))
    return found


@cache
def _defined_by(prelude: str) -> frozenset[str]:
    return intake.defined_names(prelude)


def _summary(assignment: Assignment, part: Part | None) -> SummaryEvidence | None:
    question = assignment.by_check("summary")
    return summary.measure(part.data, None, question) if part and question else None


def _answers(assignment: Assignment, part: Part | None, tag: str) -> dict[str, str]:
    written = choice.read_answers(part.data) if part else {}
    understood = {}
    for question in assignment.questions:
        if question.check == "choice" and question.number in written:
            answer = choice.measure(written, question).answer or ""
            choices = question.options["choices"]
            understood[question.number] = language.text(choices[answer], tag) if answer in choices else answer
    return understood


def _unanswered(assignment: Assignment, parts: Mapping[str, Part], codes: tuple[CodeFound, ...]) -> tuple[str, ...]:
    there = set(parts) | {code.part for code in codes}
    written = choice.read_answers(parts["answers"].data) if "answers" in parts else {}
    return tuple(
        question.number
        for question in assignment.questions
        if not there & set(question.parts) or (question.check == "choice" and not written.get(question.number))
    )


def _told(notes: tuple[Note, ...], tag: str) -> tuple[str, ...]:
    return tuple(messages.render(note, tag) for note in notes)
