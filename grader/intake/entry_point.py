"""Where the entry point of a question stands: in which part, and under which name."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace

from grader.evidence import Note
from grader.intake import encoding, stand_in, syntax
from grader.intake.names import binds
from grader.intake.part_text import decode_part
from grader.intake.result import Intake
from grader.submission import Part


def with_lost_entry(taken: Intake, data: bytes, entry: str) -> Intake:
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
    text = decode_part(part.data, entry)
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


def with_entry(text: str, tree: ast.Module, entry: str) -> tuple[str, ast.Module, list[Note]]:
    """The text with a last line that gives the missing entry point's name to what plainly stands for it."""
    if any(entry in bound for bound in map(binds, tree.body)):
        return text, tree, []
    name = stand_in.find(tree, entry)
    named = syntax.parse(f"{text}\n{entry} = {name}\n") if name else None
    if not isinstance(named, ast.Module):
        return text, tree, []
    return f"{text}\n{entry} = {name}\n", named, [Note(id="intake.stand_in", params={"entry": entry, "name": name})]
