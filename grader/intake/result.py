"""The result of reading one code part."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from grader.evidence import Note, StudentError

LEFT_OUT = frozenset({"intake.change_dropped", "intake.training_dropped", "intake.broken_change"})
"""Notes that tell of statements which may change what is graded and did not run."""


class DropKind(StrEnum):
    """Why a piece of a hand-in does not run, in display order."""

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


class Dropped(NamedTuple):
    """A piece that does not run: its first line (from 1), why, and the beginning of its text."""

    line: int
    kind: DropKind
    text: str


@dataclass(frozen=True)
class Intake:
    """What will run of one part, and everything the student should be told about it.

    ``source`` is ``None`` when nothing can run; ``error`` or a note says why. Lines count as in the text that was
    handed in (for a notebook: its code cells one after another, each under a ``# cell n`` line). ``missing_names`` are
    names that neither the hand-in nor the prelude defines, with the line of their first use. ``repaired`` is the whole
    text after a repair of paste damage, ``diff`` the difference that it makes; it is what runs only when asked for.
    ``cautious`` is what runs where ``source`` does not load: without statements of which it is only assumed that they
    change what the entry point needs.
    """

    source: str | None = None
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[Note, ...] = ()
    missing_names: tuple[tuple[str, int], ...] = ()
    damaged: bool = False
    repaired: str | None = None
    diff: str = ""
    error: StudentError | None = None
    cautious: Intake | None = None
