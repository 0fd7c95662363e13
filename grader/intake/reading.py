"""One code part read: from bytes to the text that runs. Nothing is executed.

The steps: bytes to text (`part_text`), harmless traces of copying (`cleaning`, `prose`), paste damage and what the text
was before (`damage`), and what the entry point needs (`selection`).
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from grader.evidence import Note, StudentError
from grader.intake import cleaning, damage, fragments, prose, salvage, selection, syntax
from grader.intake.entry_point import with_entry, with_lost_entry
from grader.intake.names import binds
from grader.intake.part_text import PartText, decode_part
from grader.intake.result import DropKind, Dropped, Intake
from grader.submission import Part


def read(
    part: Part, entry: str, prelude_names: frozenset[str], repair: Literal["suggest", "apply"] = "suggest"
) -> Intake:
    """Read one code part for the entry point that will be called. Never raises, whatever the bytes."""
    text = decode_part(part.data, entry)
    if isinstance(text, Note):
        return _refused(text)
    try:
        return with_lost_entry(_read(text, entry, prelude_names, repair == "apply"), part.data, entry)
    except (RecursionError, MemoryError):
        return _refused(Note(id="code.too_deep"))


def _refused(note: Note) -> Intake:
    return Intake(notes=(note,), error=syntax.too_deep() if note.id == "code.too_deep" else None)


def _read(given: PartText, entry: str, prelude_names: frozenset[str], apply_repair: bool) -> Intake:
    pasted = given.text
    text = pasted
    dropped, notes = list(given.dropped), list(given.notes)
    taken: Intake | _Needed | None = None
    if given.whole:
        others = [item for item in dropped if item.kind is not DropKind.CELL]
        taken = _without_broken(given.whole, others, notes, entry, prelude_names, fragments.syntax_check)
        if isinstance(taken, Intake):
            return taken
    parsed = syntax.parse(text)
    if isinstance(parsed, StudentError) and parsed.type == "RecursionError":
        return _refused(Note(id="code.too_deep"))
    if isinstance(parsed, StudentError):
        cleaned = cleaning.clean(text)
        text = cleaned.text
        dropped += cleaned.dropped
        notes += cleaned.notes
        parsed = syntax.parse(text)
    if isinstance(parsed, StudentError) and not given.whole:
        taken = _without_broken(text, dropped, notes, entry, prelude_names, fragments.syntax_check)
    if isinstance(taken, Intake):
        return taken
    if isinstance(parsed, StudentError) and taken is None:
        readable = prose.without_prose(text)
        if readable is not None:
            text = readable.text
            dropped += readable.dropped
            notes += readable.notes
            parsed = syntax.parse(text)
    shows_damage = damage.shows_damage(text, parsed)
    repair = damage.repair(text) if shows_damage or isinstance(parsed, StudentError) else None
    if isinstance(parsed, StudentError) and repair is None and taken is None:
        saved = salvage.salvage(text)
        if saved is not None:
            text = saved.text
            dropped += saved.dropped
            notes += saved.notes
            parsed = syntax.parse(text)
            shows_damage = damage.shows_damage(text, parsed)
            repair = damage.repair(text) if shows_damage or isinstance(parsed, StudentError) else None
    found = _Found(pasted, repair, shows_damage or repair is not None)
    if repair is not None and apply_repair:
        text, parsed = repair.text, repair.tree
        notes.append(Note(id="intake.repaired", params={"diff": found.diff}))
    elif isinstance(parsed, StudentError):
        return found.unreadable(parsed, dropped, notes, entry, prelude_names)
    elif found.damaged:
        notes.append(Note(id="intake.damage_suspected", params={"diff": found.diff}))
    named, tree, standing_in = with_entry(text, parsed, entry)
    selected = selection.select(named, tree, entry, prelude_names)
    chosen = found.choose(selected, named, tree, entry, prelude_names, dropped, [*notes, *standing_in])
    if chosen.error is None or found.damaged:
        return chosen
    without = _without_broken(text, dropped, notes, entry, prelude_names, syntax.compiles)
    return without if isinstance(without, Intake) else chosen


class _Needed:
    """The entry point needs a broken statement: no words between the code are at fault."""


def _without_broken(
    text: str,
    dropped: list[Dropped],
    notes: list[Note],
    entry: str,
    prelude_names: frozenset[str],
    check: fragments.Check,
) -> Intake | _Needed | None:
    """What runs of a text without its unreadable statements, or ``None`` where it shows damage or lacks the entry."""
    split = fragments.split(text, check)
    parsed = None if split is None else syntax.parse(split.text)
    if split is None or not isinstance(parsed, ast.Module) or _shows_damage(text, split):
        return None
    named, tree, standing_in = with_entry(split.text, parsed, entry)
    selected = selection.select(named, tree, entry, prelude_names)
    losses = fragments.losses(split, parsed, selected.needed_names, prelude_names | selection.MODULE_NAMES)
    if any(not _is_prose(piece) for piece in losses.needed):
        return _Needed()
    if losses.needed or not any(entry in binds(node) for node in tree.body):
        return None
    others = [*dropped, *(_dropped_piece(piece) for piece in split.broken)]
    told = [*notes, *standing_in, *_broken_notes(losses)]
    taken = _Found(text, None, damaged=False).choose(selected, named, tree, entry, prelude_names, others, told)
    if taken.error is not None and check is not syntax.compiles:
        return _without_broken(text, dropped, notes, entry, prelude_names, syntax.compiles)
    return taken if taken.error is None else None


def _shows_damage(text: str, split: fragments.Fragments) -> bool:
    """Whether the broken statements bear the marks of a damaged paste. Looked at by line: a bracket may be open."""
    lines = [line for piece in split.broken if not _is_prose(piece) for line in piece.text.split("\n")]
    return damage.shows_damage_by_line(text, lines)


_NOTES_OF_ONE_KIND = 5


def _broken_notes(losses: fragments.Losses) -> Iterator[Note]:
    for piece, names in losses.changing[:_NOTES_OF_ONE_KIND]:
        yield Note(id="intake.broken_change", params={**_place(piece.error), "names": list(names[:5])})
    for piece in [piece for piece in losses.idle if not _is_prose(piece)][:_NOTES_OF_ONE_KIND]:
        yield Note(id="intake.broken_unneeded", params=_place(piece.error))
    words = [_dropped_piece(piece) for piece in losses.idle if _is_prose(piece)]
    if words:
        yield prose.note(words)


def _dropped_piece(piece: fragments.Broken) -> Dropped:
    kind = DropKind.PROSE if _is_prose(piece) else DropKind.CELL
    return Dropped(piece.first + 1, kind, piece.text.strip().split("\n")[0][:120])


def _is_prose(piece: fragments.Broken) -> bool:
    return not (piece.is_conflict or prose.is_code(piece.text))


class _Found:
    """What is known of a text's damage."""

    def __init__(self, pasted: str, repair: damage.Repair | None, damaged: bool) -> None:
        self.repair = repair
        self.damaged = damaged
        self.diff = "" if repair is None else damage.difference(pasted, repair.text)

    def choose(
        self,
        selected: selection.Selection,
        text: str,
        tree: ast.Module,
        entry: str,
        prelude_names: frozenset[str],
        dropped: list[Dropped],
        notes: list[Note],
    ) -> Intake:
        """What runs of a text that could be read, and what runs where that does not load."""
        taken = self.taken(selected, dropped, notes)
        if not selected.is_bold or taken.source is None:
            return taken
        cautious = selection.select(text, tree, entry, prelude_names, cautious=True)
        return replace(taken, cautious=self.taken(cautious, dropped, notes))

    def taken(self, selected: selection.Selection, dropped: list[Dropped], notes: list[Note]) -> Intake:
        """What runs of a text that could be read, by one way to choose."""
        dropped = [*dropped, *selected.dropped]
        error = syntax.compiles(selected.source)
        cause = [] if error is None else [_syntax_note(error)]
        return Intake(
            source=selected.source if error is None else None,
            dropped=tuple(sorted(dropped)),
            notes=(*cause, *notes, *selected.notes, *_dropped_note(dropped, selected.left_out)),
            missing_names=selected.missing_names,
            damaged=self.damaged,
            repaired=None if self.repair is None else self.repair.text,
            diff=self.diff,
            error=error,
        )

    def unreadable(
        self, error: StudentError, dropped: list[Dropped], notes: list[Note], entry: str, prelude_names: frozenset[str]
    ) -> Intake:
        """No program as it stands. When a repair is known, also say what the repaired text would still lack."""
        missing: tuple[tuple[str, int], ...] = ()
        cause = _syntax_note(error)
        if self.repair is not None:
            missing = selection.select(self.repair.text, self.repair.tree, entry, prelude_names).missing_names
            cause = Note(id="code.damaged", params=cause.params | {"diff": self.diff})
        elif self.damaged:
            cause = Note(id="code.damaged_beyond_repair", params=cause.params)
        return Intake(
            dropped=tuple(sorted(dropped)),
            notes=(cause, *notes),
            missing_names=missing,
            damaged=self.damaged,
            repaired=None if self.repair is None else self.repair.text,
            diff=self.diff,
            error=error,
        )


def _place(error: StudentError) -> dict[str, Any]:
    return {"line": error.line, "source": error.source, "message": error.message}


def _syntax_note(error: StudentError) -> Note:
    place = _place(error)
    if syntax.needs_newer_python(error):
        return Note(id="code.newer_python", params={**place, "version": "{}.{}".format(*sys.version_info)})
    return Note(id="code.too_deep" if error.type == "RecursionError" else "code.syntax_error", params=place)


def _dropped_note(dropped: list[Dropped], told: frozenset[int]) -> list[Note]:
    """One remark for everything left out except imports and lines that were ``told``, which have their own."""
    said_apart = {DropKind.IMPORT, DropKind.CELL}
    lines = [item.line for item in sorted(dropped) if item.kind not in said_apart and item.line not in told]
    if not lines:
        return []
    return [Note(id="intake.dropped", params={"count": len(lines), "lines": lines[:20]})]
