"""The result of reading one code part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from grader.evidence import Observation, StudentError
from grader.intake.facts import IntakeFact

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
    """A piece that does not run: its first line (from 1), why, and the beginning of its text."""

    line: int
    kind: DropKind
    text: str

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

    ``source`` is ``None`` when nothing can run; ``error`` or a note says why. Line numbers count in the uploaded text
    (for a notebook: its code cells one after another, each under a ``# cell n`` line). ``missing_names`` are names that
    neither the part nor the prelude defines, with the line of their first use. ``repaired_text`` is the whole text
    after a repair of paste damage and ``diff`` its difference from the uploaded text; the repair runs only on request.
    ``conservative`` is the fallback where ``source`` does not load: it omits the statements whose effect on the entry
    point is only assumed.
    """

    source: str | None = None
    dropped_pieces: tuple[DroppedPiece, ...] = ()
    notes: tuple[Observation, ...] = ()
    missing_names: tuple[tuple[str, int], ...] = ()
    is_damaged: bool = False
    repaired_text: str | None = None
    diff: str = ""
    error: StudentError | None = None
    conservative: IntakeResult | None = None
