"""A preview of a form before it counts: its parts are read and not executed."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from app import language
from grader import intake, messages
from grader.assignment import Assignment, Question
from grader.checks import registry
from grader.evidence import Evidence, Observation
from grader.intake import DroppedPiece, IntakeFact
from grader.part_outputs import Finding
from grader.parts import PartDefinition
from grader.reading.reader import Reader, open_child
from grader.submission import Part, Repair
from grader.verdicts import message_of

WALL_SECONDS = 30.0
"""Of all readings of one form together: a form that takes longer holds a slot that others want."""
_LEAST_SECONDS = 1.0
"""Of each further part when that time is over: most parts take a tenth of it."""
_SHOWN_APART = frozenset({IntakeFact.DROPPED, IntakeFact.DAMAGE_SUSPECTED, IntakeFact.REPAIRED})
_KNOWN_AFTER_RUN = IntakeFact.SETTINGS_MISSING
"""Only a run shows whether the code needs a value that is missing."""
_HUNK = re.compile(r"@@ -(\d+)")


@dataclass(frozen=True)
class CodePreview:
    """What intake reads for the entry point of a question, and whether the code defines it.

    ``other_part`` is the title of the part that defines it instead of the question's own. ``remarks`` are sentences.
    """

    question: str
    part: str
    entry: str
    has_entry: bool
    other_part: str | None
    result: intake.IntakeResult
    remarks: tuple[str, ...]
    diff: tuple[str, ...]
    """The lines of the repair's difference."""

    @property
    def is_usable(self) -> bool:
        """Whether the question can be graded as far as reading shows."""
        return self.has_entry and not self.result.missing_names


@dataclass(frozen=True)
class QuestionPreview:
    """What the check of a question reads of its parts. The page shows it by the kind of the check."""

    question: Question
    evidence: Evidence
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class PartPreview:
    """What concerns a part as a whole: its size in bytes, the lines of a text, and of code what intake changes in it.

    ``dropped_pieces`` are skipped whichever entry point is called; ``remarks`` come with each of them.
    """

    size: int
    lines: int | None
    is_damaged: bool = False
    diff: tuple[str, ...] = ()
    dropped_pieces: tuple[DroppedPiece, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """The parts that a form holds, by name. ``unanswered`` are the questions without a part or an answer.

    ``outputs`` are by part the outputs of a notebook that may be it, also where one of them is it.
    """

    codes: tuple[CodePreview, ...]
    questions: tuple[QuestionPreview, ...]
    parts: Mapping[str, PartPreview]
    unanswered: tuple[str, ...]
    outputs: Mapping[str, Sequence[Finding]]

    @property
    def to_check(self) -> tuple[str, ...]:
        """The questions whose code cannot be graded as it is."""
        return tuple(code.question for code in self.codes if not code.is_usable)


def read_parts(
    assignment: Assignment, parts: Mapping[str, Part], repair: Repair, tag: str, from_outputs: Collection[str] = ()
) -> Preview:
    """Read the parts as the grading will, in children with limits, with remarks in a language.

    The parts ``from_outputs`` were taken from an output of a notebook. Raises `InfrastructureFault` or `FloorNotMet`
    where no child can be made.
    """
    until = time.monotonic() + WALL_SECONDS
    reader = Reader(lambda: open_child(wall_seconds=max(until - time.monotonic(), _LEAST_SECONDS)))
    readings = list(_codes(reader, assignment, parts, repair, tag))
    previews = {part.name: _part(part, parts[part.name], readings) for part in assignment.parts if part.name in parts}
    called = {code.entry for code in readings}
    questions, unanswered = [], []
    for question in assignment.questions:
        own = assignment.by_kind(question, parts)
        check = registry.of(question)
        # Only running shows more of code than `_codes`.
        reading = None if check.runs_code else reader.read(check, question, own)
        evidence = None if reading is None else reading.evidence
        if not (own or question.entry in called) or (evidence is not None and not evidence.submitted):
            unanswered.append(question.number)
        elif evidence is not None:
            questions.append(QuestionPreview(question, evidence, _render(_remarks(evidence), tag)))
    codes = tuple(
        replace(code, remarks=tuple(text for text in code.remarks if text not in previews[code.part].remarks))
        for code in readings
    )
    own_parts = {name: part for name, part in parts.items() if name not in from_outputs}
    outputs: dict[str, list[Finding]] = defaultdict(list)
    for finding in reader.find_outputs(assignment.parts, own_parts):
        outputs[finding.name].append(finding)
    return Preview(codes, tuple(questions), previews, tuple(unanswered), outputs)


def _remarks(evidence: Evidence) -> tuple[Observation, ...]:
    return evidence.remarks if evidence.overrun is None else (evidence.overrun.observation,)


def _part(definition: PartDefinition, part: Part, codes: Iterable[CodePreview]) -> PartPreview:
    lines = part.data.count(b"\n") + (not part.data.endswith(b"\n")) if definition.is_text else None
    readings = [code for code in codes if code.part == definition.name]
    # Without its entry point nothing of a part is needed.
    readings = [code for code in readings if code.has_entry] or readings
    if not readings:
        return PartPreview(len(part.data), lines)
    first, *others = readings
    shared_pieces = set(first.result.dropped_pieces).intersection(*(code.result.dropped_pieces for code in others))
    return PartPreview(
        size=len(part.data),
        lines=lines,
        is_damaged=first.result.is_damaged,
        diff=first.diff,
        dropped_pieces=tuple(piece for piece in first.result.dropped_pieces if piece in shared_pieces),
        remarks=tuple(text for text in first.remarks if others and all(text in code.remarks for code in others)),
    )


def _codes(
    reader: Reader, assignment: Assignment, parts: Mapping[str, Part], repair: Repair, tag: str
) -> Iterator[CodePreview]:
    numbers, entries = registry.entry_points(assignment)
    readings = reader.read_code(parts, entries, intake.prelude_names(assignment.prelude_source()), repair)
    for number, entry, reading in zip(numbers, entries, readings, strict=True):
        if reading.part is None:
            continue
        result = reading.result
        notes = tuple(note for note in result.notes if note.id not in {*_SHOWN_APART, _KNOWN_AFTER_RUN})
        if result.overrun is not None:
            notes = (result.overrun.observation,)
        is_other = reading.part not in entry.own
        yield CodePreview(
            question=number,
            part=reading.part,
            entry=entry.name,
            has_entry=reading.has_entry,
            other_part=language.text(assignment.part(reading.part).title, tag) if is_other else None,
            result=result,
            remarks=_render(notes, tag),
            diff=tuple(_diff(result, tag)),
        )


def _diff(result: intake.IntakeResult, tag: str) -> Iterator[str]:
    """The repair's difference without its two headers; in a notebook its hunks name their cells."""
    for line in result.diff.split("\n")[2:]:
        hunk = _HUNK.match(line) if result.line_map.cells else None
        place = result.line_map.place(int(hunk[1])) if hunk is not None else None
        yield line if place is None else f"@@ {messages.place(place.line, place.cell, tag)} @@"


def _render(notes: Iterable[Observation], tag: str) -> tuple[str, ...]:
    return tuple(messages.render(message_of(note), tag) for note in notes)
