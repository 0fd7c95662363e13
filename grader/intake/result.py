"""The result of reading one code part."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from grader.evidence import MissingName, Observation, Overrun, StudentError
from grader.intake.facts import IntakeFact
from grader.line_map import LineMap

_EXCERPT_LENGTH = 120


class DropKind(StrEnum):
    """Why a piece of a part does not run, in display order."""

    MAGIC = "magic"
    OUTPUT = "output"
    PROSE = "prose"
    CELL = "cell"
    IMPORT = "import"
    MAIN = "main"
    LOOP = "loop"
    CALL = "call"
    ASSIGNMENT = "assignment"
    DEFINITION = "definition"


class DroppedPiece(NamedTuple):
    """A piece that does not run: its first line (from 1), why, the beginning of its text, and its notebook cell."""

    line: int
    kind: DropKind
    text: str
    cell: int | None = None

    @staticmethod
    def at(index: int, kind: DropKind, text: str) -> DroppedPiece:
        """The piece whose first line has this index (from 0) and this text."""
        return DroppedPiece(index + 1, kind, text.strip()[:_EXCERPT_LENGTH])


def note_on_pieces(note_id: IntakeFact, pieces: list[DroppedPiece]) -> Observation:
    """A note with the number of the pieces and the place and text of the first one."""
    return Observation(id=note_id, params={"line": pieces[0].line, "text": pieces[0].text, "count": len(pieces)})


@dataclass(frozen=True)
class IntakeResult:
    """The text of one part that runs, and all notes for the student.

    ``source`` is ``None`` when nothing can run; ``error`` or a note says why. Lines count in what was uploaded, for a
    notebook in one of its code cells; ``line_map`` maps the lines of ``source`` and ``repaired_text`` to them.
    ``missing_names`` are names that neither the part nor the prelude defines, with the place of their first use.
    ``repaired_text`` is the whole text after a repair of paste damage and ``diff`` its difference from the uploaded
    text; the repair runs only on request. ``conservative`` is the fallback where ``source`` does not load: it omits the
    statements whose effect on the entry point is only assumed. ``overrun`` says why reading did not come to its end.
    """

    source: str | None = None
    dropped_pieces: tuple[DroppedPiece, ...] = ()
    notes: tuple[Observation, ...] = ()
    missing_names: tuple[MissingName, ...] = ()
    is_damaged: bool = False
    repaired_text: str | None = None
    diff: str = ""
    error: StudentError | None = None
    conservative: IntakeResult | None = None
    line_map: LineMap = field(default_factory=LineMap)
    overrun: Overrun | None = None

    def located(self, line_map: LineMap) -> IntakeResult:
        """The result with the places of its lines, which count in the text that runs."""
        places = [line_map.place(piece.line) for piece in self.dropped_pieces]
        return replace(
            self,
            dropped_pieces=tuple(
                piece._replace(line=place.line, cell=place.cell)
                for piece, place in zip(self.dropped_pieces, places, strict=True)
                if place is not None
            ),
            notes=tuple(line_map.in_fact(note) for note in self.notes),
            missing_names=tuple(line_map.in_name((name.name, name.line)) for name in self.missing_names),
            error=None if self.error is None else line_map.in_error(self.error),
            conservative=None if self.conservative is None else self.conservative.located(line_map),
            line_map=line_map,
        )
