"""Intake: what a student handed in, made into the text that runs. It reads and never executes anything.

``read`` goes from bytes to text (`encoding`, `notebook`), removes the harmless traces of copying (`cleaning`,
`prose`), recognises paste damage and what the text was before (`damage`), and keeps what the entry point needs
(`selection`).
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from grader.evidence import Note, StudentError
from grader.handin import Part
from grader.intake import (
    cleaning,
    damage,
    encoding,
    fragments,
    limits,
    notebook,
    prose,
    salvage,
    selection,
    stand_in,
    syntax,
)
from grader.intake.names import binds
from grader.intake.names import defined_names as defined_names
from grader.intake.selection import DropKind as DropKind
from grader.intake.selection import Dropped as Dropped

BYTE_LIMIT = 1024 * 1024
"""Bytes of source. Notebooks may be larger (`notebook.BYTE_LIMIT`), their code may not."""
TOKEN_LIMIT = 50_000
"""Words, signs and line breaks: five times the course notebook. A megabyte of one-letter statements would otherwise
take a gigabyte as a syntax tree and half a minute to read."""
LINE_LIMIT = 20_000
"""Lines of code: eight times the course notebook. Some steps keep a list of them."""
LEFT_OUT = frozenset({"intake.change_dropped", "intake.training_dropped", "intake.broken_change"})
"""Notes that tell of statements which may change what is graded and did not run."""
_DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)
_TOKENS = re.compile("\\w+|[^\\w\\s]|[\n\u2028\u2029\u0085\u000b]")


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


def read(
    part: Part, entry: str, prelude_names: frozenset[str], repair: Literal["suggest", "apply"] = "suggest"
) -> Intake:
    """Read one code part for the entry point that will be called. Never raises, whatever the bytes."""
    text = _text(part.data, entry)
    if isinstance(text, Note):
        return _refused(text)
    try:
        return _with_lost_entry(_read(text, entry, prelude_names, repair == "apply"), part.data, entry)
    except (RecursionError, MemoryError):
        return _refused(Note(id="code.too_deep"))


def _with_lost_entry(taken: Intake, data: bytes, entry: str) -> Intake:
    """Says where the entry point's ``def`` stands in an upload of which nothing else could be read as that function.

    In a comment, in a string, in a cell of text, behind marks that nobody knows: a person sees at once what it is.
    """
    tree = None if taken.source is None else syntax.parse(taken.source)
    decoded = encoding.decode(data)
    if not isinstance(tree, ast.Module) or isinstance(decoded, Note) or any(entry in binds(node) for node in tree.body):
        return taken
    name = re.escape(entry).replace("_", r"[_ \\]+")
    found = re.search(rf"(?:\b|\\n)def\b\W{{0,20}}{name}\b", decoded.text, re.IGNORECASE)
    if found is None:
        return taken
    params = {"entry": entry, "line": decoded.text.count("\n", 0, found.start()) + 1}
    return replace(taken, notes=(Note(id="intake.entry_lost", params=params), *taken.notes))


def defines(part: Part, entry: str) -> bool:
    """Whether a part holds a definition of this name, with underscores or without, or one that stands in for it."""
    text = _text(part.data, entry)
    if isinstance(text, Note):
        return False
    name = re.escape(entry).replace("_", "[_ ]")
    if re.search(rf"^[ \t]*(?:(?:async )?def|class)[ \t]+{name}\b|^{name}[ \t]*=[^=]", text.text, re.MULTILINE):
        return True
    tree = syntax.parse(text.text)
    return isinstance(tree, ast.Module) and stand_in.find(tree, entry) is not None


def holding(parts: Mapping[str, Part], name: str, entry: str) -> Part | None:
    """The part that holds an entry point: the one of this name, or the other part of code where only that one does."""
    own, other = parts.get(name), parts.get("loss" if name == "model" else "model")
    if other is None or (own is not None and defines(own, entry)):
        return own
    return other if defines(other, entry) else own


@dataclass(frozen=True)
class _Upload(cleaning.Cleaned):
    """An upload as text. ``whole``: where cells of a notebook cannot be read, the text with all of them."""

    whole: str = ""


def _text(data: bytes, entry: str) -> _Upload | Note:
    """One text from the bytes: decoded, a notebook's cells joined."""
    is_notebook = notebook.looks_like_notebook(data)
    limit = notebook.BYTE_LIMIT if is_notebook else BYTE_LIMIT
    if len(data) > limit:
        return limits.too_large(len(data), limit, "bytes")
    decoded = encoding.decode(data)
    if isinstance(decoded, Note):
        return decoded
    if is_notebook or notebook.looks_like_notebook(decoded.text.encode()):
        cells = notebook.code_cells(decoded.text)
        if isinstance(cells, Note):
            return cells
        texts = [cell.strip("\n") for cell in cells]
        return _excess(texts) or _joined(texts, entry, decoded.notes)
    return _excess([decoded.text]) or _Upload(decoded.text, (), decoded.notes)


def _excess(texts: Sequence[str]) -> Note | None:
    """What these texts have too much of. Counted before anything is made of them: cleaning and parsing cost more."""
    for unit, limit, count in _COUNTS:
        size = sum(map(count, texts))
        if size > limit:
            return limits.too_large(size, limit, unit)
    return None


def _lines(text: str) -> int:
    return text.count("\n") + 1


def _tokens(text: str) -> int:
    return sum(1 for _ in _TOKENS.finditer(text))


_COUNTS: tuple[tuple[str, int, Callable[[str], int]], ...] = (
    ("characters", BYTE_LIMIT, len),
    ("lines", LINE_LIMIT, _lines),
    ("words", TOKEN_LIMIT, _tokens),
)
"""In the order of what counting costs."""


def _joined(texts: Sequence[str], entry: str, notes: tuple[Note, ...]) -> _Upload:
    """A notebook as one text. A cell that cannot be read and that no other needs is left out, not the whole."""
    cleaned = [
        cleaning.Cleaned(text) if isinstance(syntax.parse(text), ast.Module) else cleaning.clean(text) for text in texts
    ]
    parsed = [syntax.parse(cell.text) for cell in cleaned]
    whole = "\n".join(
        cell.text for cell, tree in zip(cleaned, parsed, strict=True) if not isinstance(tree, StudentError)
    )
    needed = ({entry} | set(re.findall(r"\w+", whole))) - set(_DEFINED.findall(whole))
    pieces: list[str] = []
    whole_pieces: list[str] = []
    dropped: list[Dropped] = []
    line = 1
    for number, (cell, tree) in enumerate(zip(cleaned, parsed, strict=True), start=1):
        text = cell.text
        dropped += [item._replace(line=item.line + line) for item in cell.dropped]
        if isinstance(tree, StudentError) and not (
            needed.intersection(_DEFINED.findall(text)) or damage.shows_damage(text, tree)
        ):
            dropped.append(Dropped(line + 1, DropKind.CELL, texts[number - 1].split("\n")[0][:120]))
            text = "\n" * text.count("\n")
        pieces.append(f"# cell {number}\n{text}\n")
        whole_pieces.append(f"# cell {number}\n{cell.text}\n")
        line += pieces[-1].count("\n")
    is_broken = any(isinstance(tree, StudentError) for tree in parsed)
    return _Upload("".join(pieces), tuple(dropped), notes, "".join(whole_pieces) if is_broken else "")


def _refused(note: Note) -> Intake:
    return Intake(notes=(note,), error=syntax.too_deep() if note.id == "code.too_deep" else None)


def _read(given: _Upload, entry: str, prelude_names: frozenset[str], apply_repair: bool) -> Intake:
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
    with_entry, tree, standing_in = _with_entry(text, parsed, entry)
    selected = selection.select(with_entry, tree, entry, prelude_names)
    chosen = found.choose(selected, with_entry, tree, entry, prelude_names, dropped, [*notes, *standing_in])
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
    with_entry, tree, standing_in = _with_entry(split.text, parsed, entry)
    selected = selection.select(with_entry, tree, entry, prelude_names)
    losses = fragments.losses(split, parsed, selected.needed_names, prelude_names | selection.MODULE_NAMES)
    if any(not _is_prose(piece) for piece in losses.needed):
        return _Needed()
    if losses.needed or not any(entry in binds(node) for node in tree.body):
        return None
    others = [*dropped, *(_dropped_piece(piece) for piece in split.broken)]
    told = [*notes, *standing_in, *_broken_notes(losses)]
    taken = _Found(text, None, damaged=False).choose(selected, with_entry, tree, entry, prelude_names, others, told)
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


def _with_entry(text: str, tree: ast.Module, entry: str) -> tuple[str, ast.Module, list[Note]]:
    """The text with a last line that gives the missing entry point's name to what plainly stands for it."""
    if any(entry in bound for bound in map(binds, tree.body)):
        return text, tree, []
    name = stand_in.find(tree, entry)
    named = syntax.parse(f"{text}\n{entry} = {name}\n") if name else None
    if not isinstance(named, ast.Module):
        return text, tree, []
    return f"{text}\n{entry} = {name}\n", named, [Note(id="intake.stand_in", params={"entry": entry, "name": name})]


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
