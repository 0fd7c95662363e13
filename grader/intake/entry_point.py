"""Finds the function or class that a question calls: in which part it stands, and under which name."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grader.evidence import Observation, StudentError
from grader.intake import encoding, stand_in, syntax
from grader.intake.facts import IntakeFact
from grader.intake.names import bound_names
from grader.intake.part_text import PartText, decode_part
from grader.intake.result import IntakeResult
from grader.intake.stand_in import EntryKind
from grader.submission import Part

_CHOICE_LIMIT = 5
"""Names that a note lists."""


def is_bound(tree: ast.Module, entry: str) -> bool:
    """Whether a top-level statement binds the entry point."""
    return any(entry in bound_names(node) for node in tree.body)


def mentions(text: str, entry: str) -> bool:
    """Whether a text, readable or not, holds the name of the entry point, also with other marks or a slip in it."""
    letters = re.sub(r"[\W_]+", "", text).lower()
    names = re.findall(r"\bdef[ \t]+(\w+)", text)
    return entry.lower().replace("_", "") in letters or any(stand_in.is_slip_of(name, entry) for name in names)


def defines_entry(part: Part, entry: str, kind: EntryKind = EntryKind.FUNCTION) -> bool:
    """Whether a part defines the entry point, spelled with or without its underscores, or a stand-in for it."""
    decoded = decode_part(part.data)
    if isinstance(decoded, Observation):
        return False
    text = decoded.for_entry(entry)
    name = re.escape(entry).replace("_", "[_ ]")
    if re.search(rf"^[ \t]*(?:(?:async )?def|class)[ \t]+{name}\b|^{name}[ \t]*=[^=]", text.text, re.MULTILINE):
        return True
    tree = syntax.parse(text.text)
    return isinstance(tree, ast.Module) and bool(stand_in.find(tree, entry, kind).expression)


def find_part(
    parts: Mapping[str, Part],
    own: Sequence[str],
    others: Sequence[str],
    entry: str,
    kind: EntryKind = EntryKind.FUNCTION,
) -> Part | None:
    """The part that holds an entry point: the first of its ``own``, or one of the ``others`` where only that does."""
    submitted = [parts[name] for name in own if name in parts]
    own_part = submitted[0] if submitted else None
    candidates = [*submitted, *(parts[name] for name in others if name in parts)]
    if own_part is not None and len(candidates) == 1:
        return own_part
    return next((part for part in candidates if defines_entry(part, entry, kind)), own_part)


@dataclass(frozen=True)
class EntryText:
    """A readable text with its syntax tree, in which a stand-in is bound to a missing entry point, if there is one."""

    text: str
    tree: ast.Module
    notes: tuple[Observation, ...] = ()


def bind_stand_in(text: str, tree: ast.Module, entry: str, kind: EntryKind) -> EntryText:
    """Append a line that binds a missing entry point to its stand-in, or name those that it could be."""
    if is_bound(tree, entry):
        return EntryText(text, tree)
    replacement = stand_in.find(tree, entry, kind)
    if replacement.choices:
        params = {"entry": entry, "names": list(replacement.choices[:_CHOICE_LIMIT])}
        return EntryText(text, tree, (Observation(id=IntakeFact.STAND_IN_UNCLEAR, params=params),))
    bound_text = f"{text}\n{entry} = {replacement.expression}\n"
    bound_tree = syntax.parse(bound_text) if replacement.expression else None
    if not isinstance(bound_tree, ast.Module):
        return EntryText(text, tree)
    note = Observation(id=IntakeFact.STAND_IN, params={"entry": entry, "name": replacement.expression})
    return EntryText(bound_text, bound_tree, (note,))


def add_lost_entry_note(
    result: IntakeResult, tree: ast.Module | StudentError, data: bytes, part: PartText, entry: str
) -> IntakeResult:
    """Say where the ``def`` of an unbound entry point stands: in a comment, a string, a text cell, behind odd marks.

    ``tree`` is that of the result's source.
    """
    if not isinstance(tree, ast.Module) or is_bound(tree, entry):
        return result
    decoding = encoding.decode(data)
    if isinstance(decoding, Observation):
        return result
    # Cleaning may have removed it from a text; in a notebook only the lines of code cells have a place.
    texts = [part.all_cells or part.text, decoding.text] if part.line_map.cells else [decoding.text]
    name = re.escape(entry).replace("_", r"[_ \\]+")
    pattern = re.compile(rf"(?:\b|\\n)def\b\W{{0,20}}{name}\b", re.IGNORECASE)
    match = next((match for text in texts if (match := pattern.search(text))), None)
    if match is None:
        return result
    has_place = match.string is texts[0]
    params: dict[str, str | int] = {"entry": entry}
    params |= {"line": match.string.count("\n", 0, match.start()) + 1} if has_place else {}
    return replace(result, notes=(Observation(id=IntakeFact.ENTRY_LOST, params=params), *result.notes))
