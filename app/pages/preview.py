"""A preview of a form before it counts: its parts are read and not executed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from app import language
from grader import intake, messages
from grader.assignment import Assignment
from grader.checks.architecture import measure as architecture
from grader.checks.choice import measure as choice
from grader.checks.kd_loss import measure as kd_loss
from grader.checks.pruning import measure as pruning
from grader.checks.pruning.evidence import PruningEvidence
from grader.checks.summary import measure as summary
from grader.checks.summary.evidence import SummaryEvidence
from grader.evidence import Note
from grader.submission import Part

ENTRIES: Final[Mapping[str, str]] = {"model": architecture.ENTRY, "loss": kd_loss.ENTRY}
"""The code parts, each with the function that it must define."""
_SHOWN_APART = frozenset({"intake.dropped", "intake.damage_suspected", "intake.repaired", "code.missing_name"})
_KNOWN_AFTER_RUN = "intake.settings_missing"
"""Only a run shows whether the code needs a value that is missing."""


@dataclass(frozen=True)
class CodePreview:
    """A code part as intake reads it, and whether it defines its entry point.

    ``inside_model`` says that the loss is in the model's notebook. ``remarks`` are sentences.
    """

    part: str
    entry: str
    has_entry: bool
    inside_model: bool
    result: intake.IntakeResult
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """The parts that a form holds. ``unanswered`` are the numbers of questions without a part or an answer."""

    codes: tuple[CodePreview, ...]
    summary: SummaryEvidence | None
    summary_remarks: tuple[str, ...]
    answers: Mapping[str, str]
    """By question the text of its choice."""
    pruning: PruningEvidence | None
    pruning_remarks: tuple[str, ...]
    weights_size: int | None
    """Bytes. Weights are only opened inside the sandbox."""
    unanswered: tuple[str, ...]


def read_parts(
    assignment: Assignment, parts: Mapping[str, Part], repair: Literal["suggest", "apply"], tag: str
) -> Preview:
    """Read the parts as the grading will, with remarks in a language."""
    plot, points, weights = (parts.get(name) for name in ("pruning_plot", "pruning_points", "weights"))
    curve, _ = pruning.measure(plot.data if plot else None, points.data if points else None)
    error = [Note(id=curve.picture_error, params=curve.picture_error_params)] if curve.picture_error else []
    codes = tuple(_codes(assignment, parts, repair, tag))
    summary_evidence = _summary(assignment, parts.get("summary"))
    return Preview(
        codes=codes,
        summary=summary_evidence,
        summary_remarks=_render(summary_evidence.notes if summary_evidence else (), tag),
        answers=_answers(assignment, parts.get("answers"), tag),
        pruning=curve if plot or points else None,
        pruning_remarks=_render((*error, *curve.notes), tag),
        weights_size=len(weights.data) if weights else None,
        unanswered=_unanswered(assignment, parts, codes),
    )


def _codes(
    assignment: Assignment, parts: Mapping[str, Part], repair: Literal["suggest", "apply"], tag: str
) -> list[CodePreview]:
    previews = []
    prelude_names = _defined_names(assignment.prelude_source())
    for name, entry in ENTRIES.items():
        part = intake.find_part(parts, name, entry)
        if part is None:
            continue
        inside_model = name == "loss" and name not in parts
        result = intake.read_part(part, entry, prelude_names, repair)
        has_entry = result.source is not None and entry in intake.defined_names(result.source)
        notes = tuple(note for note in result.notes if note.id not in {*_SHOWN_APART, _KNOWN_AFTER_RUN})
        previews.append(CodePreview(name, entry, has_entry, inside_model, result, _render(notes, tag)))
    return previews


@cache
def _defined_names(prelude: str) -> frozenset[str]:
    return intake.defined_names(prelude)


def _summary(assignment: Assignment, part: Part | None) -> SummaryEvidence | None:
    question = assignment.by_check("summary")
    return summary.measure(part.data, None, question) if part and question else None


def _answers(assignment: Assignment, part: Part | None, tag: str) -> dict[str, str]:
    answers = choice.read_answers(part.data) if part else {}
    texts = {}
    for question in assignment.questions:
        if question.check == "choice" and question.number in answers:
            answer = choice.measure(answers, question).answer or ""
            choices = question.options["choices"]
            texts[question.number] = language.text(choices[answer], tag) if answer in choices else answer
    return texts


def _unanswered(assignment: Assignment, parts: Mapping[str, Part], codes: tuple[CodePreview, ...]) -> tuple[str, ...]:
    present = set(parts) | {code.part for code in codes}
    answers = choice.read_answers(parts["answers"].data) if "answers" in parts else {}
    return tuple(
        question.number
        for question in assignment.questions
        if not present & set(question.parts) or (question.check == "choice" and not answers.get(question.number))
    )


def _render(notes: tuple[Note, ...], tag: str) -> tuple[str, ...]:
    return tuple(messages.render(note, tag) for note in notes)
