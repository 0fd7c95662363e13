"""Reads one code part: from its bytes to the text that runs.

The steps: decode (`part_text`), remove harmless traces of copying (`cleaning`, `prose`), drop unreadable statements
that the entry point does not need (`fragments`, `losses`), recognise and repair paste damage (`damage`), and select the
statements that the entry point needs (`selection`).
"""

from __future__ import annotations

import ast
import itertools
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, TypeVarTuple

from grader.evidence import MissingName, Observation, StudentError
from grader.intake import cleaning, damage, fragments, losses, prose, salvage, slips, syntax
from grader.intake.entry_point import EntryText, add_lost_entry_note, bind_stand_in, is_bound, mentions
from grader.intake.facts import IntakeFact
from grader.intake.part_text import PartText, decode_part
from grader.intake.result import DropKind, DroppedPiece, IntakeResult
from grader.intake.selection import Selection, select
from grader.intake.stand_in import EntryKind
from grader.intake.statements import MODULE_NAMES, Statements
from grader.submission import Part, Repair

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")


class PartReader:
    """Reads one code part for the entry points that questions call; steps that need no entry point happen once.

    ``prelude_names`` are the names that the assignment defines before the part runs. Thread-safe.
    """

    def __init__(self, part: Part, prelude_names: frozenset[str], repair: Repair = "suggest") -> None:
        self._data = part.data
        self._prelude_names, self._apply_repair = prelude_names, repair == "apply"
        self._steps = _Steps()
        self._lock = threading.Lock()

    def read(self, entry: str, kind: EntryKind = EntryKind.FUNCTION) -> IntakeResult:
        """Read the part for one entry point. Never raises, whatever the bytes."""
        with self._lock:
            decoded = self._steps.once(decode_part, self._data)
            if isinstance(decoded, Observation):
                return IntakeResult(notes=(decoded,))
            text = decoded.for_entry(entry)
            try:
                result = _EntryReader(text, entry, kind, self._prelude_names, self._apply_repair, self._steps).read()
                if result.source is not None:
                    tree = self._steps.once(syntax.parse, result.source)
                    result = add_lost_entry_note(result, tree, self._data, text, entry)
                return result.located(text.line_map)
            except (RecursionError, MemoryError):
                return _too_deep()


def read_part(
    part: Part,
    entry: str,
    prelude_names: frozenset[str],
    repair: Repair = "suggest",
    kind: EntryKind = EntryKind.FUNCTION,
) -> IntakeResult:
    """Read one code part for a single entry point, as `PartReader` does."""
    return PartReader(part, prelude_names, repair).read(entry, kind)


class _Steps:
    """The results of steps that depend on the text alone."""

    def __init__(self) -> None:
        self._results: dict[tuple[Any, ...], Any] = {}

    def once(self, step: Callable[[*_Arguments], _T], *args: *_Arguments) -> _T:
        """The result of a step; it is the same object for the same arguments, and must not be changed."""
        key = (step, *args)
        if key not in self._results:
            self._results[key] = step(*args)
        result: _T = self._results[key]
        return result


def _too_deep() -> IntakeResult:
    return IntakeResult(notes=(Observation(id=IntakeFact.TOO_DEEP),), error=syntax.too_deep())


@dataclass(frozen=True)
class _Damage:
    """The paste damage of a text, and its repair where one exists."""

    is_damaged: bool = False
    repair: damage.Repair | None = None
    diff: str = ""

    def fields(self) -> dict[str, Any]:
        """The fields of an `IntakeResult` on damage."""
        repaired_text = None if self.repair is None else self.repair.text
        return {"is_damaged": self.is_damaged, "repaired_text": repaired_text, "diff": self.diff}


class _EntryReader:
    """Reads the text of one part for one entry point, and records what each step drops and notes."""

    def __init__(
        self,
        part: PartText,
        entry: str,
        kind: EntryKind,
        prelude_names: frozenset[str],
        apply_repair: bool,
        steps: _Steps,
    ) -> None:
        self._once = steps.once
        self._part = part
        self._entry, self._kind = entry, kind
        self._prelude_names = prelude_names
        self._apply_repair = apply_repair
        self._text = part.text
        self._tree_or_error = self._once(syntax.parse, part.text)
        self._dropped_pieces = list(part.dropped_pieces)
        self._notes = list(part.notes)
        self._needs_broken = False
        """Whether the entry point needs an unreadable statement: then no prose between the code is at fault."""
        self._needed_error: StudentError | None = None
        """Python's error in the first unreadable statement that the entry point needs."""
        self._slip: slips.Slip | None = None
        """A misspelt keyword, which explains why the text is unreadable."""

    @property
    def _is_unreadable(self) -> bool:
        return isinstance(self._tree_or_error, StudentError)

    def _error(self) -> StudentError | None:
        """Why the text is unreadable: the error of the needed statement, or of the first unreadable cell.

        Python may find a bracket that a cell leaves open only in the next cell.
        """
        if not isinstance(self._tree_or_error, StudentError):
            return None
        return self._needed_error or _cell_error(self._text, self._part.line_map.cells) or self._tree_or_error

    def read(self) -> IntakeResult:
        """Take the steps in order, each only as long as the text does not parse."""
        if self._part.all_cells:
            other_pieces = [piece for piece in self._dropped_pieces if piece.kind is not DropKind.CELL]
            result = self._read_without_broken(self._part.all_cells, other_pieces, syntax.grammar_error)
            if result is not None:
                return result
        if isinstance(self._tree_or_error, StudentError) and self._tree_or_error.type == "RecursionError":
            return _too_deep()
        if self._is_unreadable:
            self._adopt(self._once(cleaning.clean, self._text))
        if self._is_unreadable and not self._part.all_cells:
            result = self._read_without_broken(self._text, self._dropped_pieces, syntax.grammar_error)
            if result is not None:
                return result
        error = self._error()
        if error is not None and not damage.shows_damage(self._text, error):
            self._slip = slips.find(self._text, error)
        if self._is_unreadable and not (self._needs_broken or self._slip):
            self._adopt(self._once(prose.without_prose, self._text))
        paste_damage = self._find_damage()
        if self._is_unreadable and paste_damage.repair is None and not (self._needs_broken or self._slip):
            salvaged = self._once(salvage.salvage, self._text)
            if salvaged is not None:
                self._adopt(salvaged)
                paste_damage = self._find_damage()
        return self._repair_and_select(paste_damage)

    def _adopt(self, clean_text: cleaning.CleanText | None) -> None:
        """Continue with the text of a step; ``None`` if the step does not apply."""
        if clean_text is not None:
            self._text = clean_text.text
            self._tree_or_error = self._once(syntax.parse, clean_text.text)
            self._dropped_pieces += clean_text.dropped_pieces
            self._notes += clean_text.notes

    def _find_damage(self) -> _Damage:
        shows_damage = self._once(damage.shows_damage, self._text, self._tree_or_error)
        if self._slip is not None:
            return _Damage()
        is_suspect = shows_damage or self._is_unreadable
        repair = self._once(damage.repair, self._text) if is_suspect else None
        if repair is None:
            return _Damage(shows_damage)
        return _Damage(True, repair, damage.difference(self._part.text, repair.text))

    def _repair_and_select(self, paste_damage: _Damage) -> IntakeResult:
        """Repair the text on request, and select what runs of it."""
        text, tree = self._text, self._tree_or_error
        if paste_damage.repair is not None and self._apply_repair:
            text, tree = paste_damage.repair.text, paste_damage.repair.tree
            self._notes.append(Observation(id=IntakeFact.REPAIRED, params={"diff": paste_damage.diff}))
        elif isinstance(tree, StudentError):
            return self._read_without_entry(paste_damage) or self._unreadable(self._error() or tree, paste_damage)
        elif paste_damage.is_damaged:
            self._notes.append(Observation(id=IntakeFact.DAMAGE_SUSPECTED, params={"diff": paste_damage.diff}))
        entry_text = bind_stand_in(text, tree, self._entry, self._kind)
        selection = self._select(entry_text)
        result = self._runnable(entry_text, selection, self._dropped_pieces, (), paste_damage)
        if result.error is None or paste_damage.is_damaged:
            return result
        return self._read_without_broken(text, self._dropped_pieces, syntax.compile_error) or result

    def _read_without_entry(self, paste_damage: _Damage) -> IntakeResult | None:
        """Read a text that says nothing of the entry point, so that its broken statement is not told as the cause.

        Only where no other name can stand in; ``None`` otherwise.
        """
        text = self._part.all_cells or self._text
        if paste_damage.is_damaged or self._kind is not EntryKind.FUNCTION or mentions(text, self._entry):
            return None
        return self._read_without_broken(text, self._dropped_pieces, syntax.grammar_error, needs_entry=False)

    def _read_without_broken(
        self, text: str, dropped_pieces: list[DroppedPiece], check: fragments.Check, needs_entry: bool = True
    ) -> IntakeResult | None:
        """Read a text without the statements that fail the check.

        Returns ``None`` where they show damage, the entry point needs one, or the rest lacks the entry point.
        """
        split = self._once(fragments.split, text, check)
        parse_result = None if split is None else self._once(syntax.parse, split.text)
        if split is None or not isinstance(parse_result, ast.Module) or losses.shows_damage(text, split):
            return None
        entry_text = bind_stand_in(split.text, parse_result, self._entry, self._kind)
        selection = self._select(entry_text)
        assessment = losses.assess(split, parse_result, selection.needed_names, self._prelude_names | MODULE_NAMES)
        if assessment.needed_pieces:
            needed_errors = [piece.error for piece in assessment.needed_pieces if not losses.is_prose(piece)]
            self._needs_broken = self._needs_broken or bool(needed_errors)
            self._needed_error = self._needed_error or next(iter(needed_errors), None)
            return None
        if needs_entry and not is_bound(entry_text.tree, self._entry):
            return None
        all_dropped = [*dropped_pieces, *(losses.dropped_piece(piece) for piece in split.broken_pieces)]
        result = self._runnable(entry_text, selection, all_dropped, losses.notes(assessment), _Damage())
        if result.error is None:
            return result
        if check is syntax.compile_error:
            return None
        return self._read_without_broken(text, dropped_pieces, syntax.compile_error, needs_entry)

    def _select(self, entry_text: EntryText, conservative: bool = False) -> Selection:
        statements = self._once(Statements, entry_text.tree, self._prelude_names)
        return select(entry_text.text, statements, self._entry, conservative)

    def _runnable(
        self,
        entry_text: EntryText,
        selection: Selection,
        dropped_pieces: list[DroppedPiece],
        notes: Iterable[Observation],
        paste_damage: _Damage,
    ) -> IntakeResult:
        """The result for a readable text, with a conservative fallback where the selection is speculative."""
        notes = [*self._notes, *entry_text.notes, *notes]
        result = self._from_selection(selection, dropped_pieces, notes, paste_damage)
        if not selection.is_speculative or result.source is None:
            return result
        conservative = self._select(entry_text, conservative=True)
        return replace(result, conservative=self._from_selection(conservative, dropped_pieces, notes, paste_damage))

    def _from_selection(
        self, selection: Selection, dropped_pieces: list[DroppedPiece], notes: list[Observation], paste_damage: _Damage
    ) -> IntakeResult:
        dropped_pieces = [*dropped_pieces, *selection.dropped_pieces]
        error = self._once(syntax.compile_error, selection.source)
        cause = [] if error is None else [_syntax_note(error)]
        return IntakeResult(
            source=selection.source if error is None else None,
            dropped_pieces=tuple(sorted(dropped_pieces)),
            notes=(*cause, *notes, *selection.notes, *_dropped_note(dropped_pieces, selection.dropped_changes)),
            missing_names=selection.missing_names,
            error=error,
            **paste_damage.fields(),
        )

    def _unreadable(self, error: StudentError, paste_damage: _Damage) -> IntakeResult:
        """The result for a text that is no Python; names what even the repaired text lacks."""
        missing_names: tuple[MissingName, ...] = ()
        cause = _syntax_note(error)
        if paste_damage.repair is not None:
            missing_names = self._select(EntryText(paste_damage.repair.text, paste_damage.repair.tree)).missing_names
            cause = Observation(id=IntakeFact.DAMAGED, params=cause.params | {"diff": paste_damage.diff})
        elif paste_damage.is_damaged:
            cause = Observation(id=IntakeFact.DAMAGED_BEYOND_REPAIR, params=cause.params)
        elif self._slip is not None:
            cause = Observation(
                id=IntakeFact.MISSPELT, params={**cause.params, "word": self._slip.word, "meant": self._slip.meant}
            )
        return IntakeResult(
            dropped_pieces=tuple(sorted(self._dropped_pieces)),
            notes=(cause, *self._notes),
            missing_names=missing_names,
            error=error,
            **paste_damage.fields(),
        )


def _cell_error(text: str, cells: Sequence[int]) -> StudentError | None:
    """Python's error in the first unreadable cell of a notebook, whose texts begin on these lines (from 1)."""
    lines = text.split("\n")
    for first, after in itertools.pairwise([*cells, len(lines) + 1]):
        error = syntax.grammar_error("\n".join(lines[first - 1 : after - 1]))
        if error is not None:
            return syntax.shifted(error, first - 1)
    return None


def _syntax_note(error: StudentError) -> Observation:
    place = syntax.place(error)
    if syntax.needs_newer_python(error):
        return Observation(id=IntakeFact.NEWER_PYTHON, params={**place, "version": "{}.{}".format(*sys.version_info)})
    return Observation(
        id=IntakeFact.TOO_DEEP if error.type == "RecursionError" else IntakeFact.SYNTAX_ERROR, params=place
    )


def _dropped_note(dropped_pieces: list[DroppedPiece], dropped_changes: frozenset[int]) -> list[Observation]:
    """One note for all dropped pieces but those with their own: imports, cells and ``dropped_changes`` (lines)."""
    has_own_note = {DropKind.IMPORT, DropKind.CELL}
    lines = [
        piece.line
        for piece in sorted(dropped_pieces)
        if piece.kind not in has_own_note and piece.line not in dropped_changes
    ]
    return [Observation(id=IntakeFact.DROPPED, params={"count": len(lines), "lines": lines[:20]})] if lines else []
