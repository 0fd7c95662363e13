"""Paste damage: is this text a program that copying has hurt, and what was it before?

A repair is a guess. It is shown as a difference, and graded only when the student asks for it.
"""

from __future__ import annotations

import ast
import difflib
import itertools
import re
from dataclasses import dataclass

from grader.evidence import StudentError
from grader.intake import indentation, prose, syntax, underscores, wrapping

SIZE_LIMIT = 200_000
"""Characters. Pasted homework has a few thousand; repairing parses the text several times."""
_COMPARED_LINES = 2_000
_LOST_SPECIAL = re.compile(r"\bsuper\([^()\n]*\)\s*\.\s*init\s*\(|\bdef\s+init\s*\(\s*self\b")


@dataclass(frozen=True)
class Repair:
    """The text as it probably was, and its syntax tree."""

    text: str
    tree: ast.Module


def repair(text: str) -> Repair | None:
    """The repaired text, when it parses and differs; otherwise ``None``."""
    if len(text) > SIZE_LIMIT:
        return None
    joined, _ = underscores.restore(wrapping.restore(text))
    candidates = [joined]
    if not isinstance(syntax.parse(joined), ast.Module) or strays(joined):
        indented = indentation.restore(joined)
        candidates = [joined] if indented is None else [indented, joined]
    for candidate in [*candidates, *(readable.text for text in candidates if (readable := prose.without_prose(text)))]:
        tree = syntax.parse(candidate)
        if candidate != text and isinstance(tree, ast.Module):
            return Repair(candidate, tree)
    return None


def shows_damage(text: str, parsed: ast.Module | StudentError) -> bool:
    """Whether a text bears the marks of a damaged paste, be it valid Python or not."""
    if _LOST_SPECIAL.search(text):
        return True
    if isinstance(parsed, ast.Module):
        return strays(text)
    if len(text) > SIZE_LIMIT:
        return False
    _, names = underscores.restore(text)
    return names > 1 or indentation.is_flat(text)


def shows_damage_by_line(text: str, broken: list[str]) -> bool:
    """Whether a text bears these marks whose broken lines are known."""
    if _LOST_SPECIAL.search(text) or (len(text) <= SIZE_LIMIT and indentation.is_flat(text)):
        return True
    return sum(underscores.restore(line)[1] for line in broken) > 1


def strays(text: str) -> bool:
    """A method that has slipped out of its class: ``def forward(self, x)`` at the margin after a class without one."""
    parsed = syntax.parse(text)
    if isinstance(parsed, StudentError):
        return False
    used = {part.id for part in ast.walk(parsed) if isinstance(part, ast.Name)}
    methods: frozenset[str] | None = None  # of the class before, while nothing but stray methods has followed it
    for node in parsed.body:
        if isinstance(node, ast.ClassDef):
            methods = frozenset(inner.name for inner in node.body if isinstance(inner, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef) and methods is not None and _takes_self(node):
            # One that is used as a function somewhere, as in `StudentNet.forward = forward`, is none.
            if methods and node.name not in methods and node.name not in used:
                return True
        else:
            methods = None
    return False


def difference(original: str, repaired: str) -> str:
    """A unified difference from what was pasted to what a repair would grade. Of long texts line by line: most repairs
    keep the number of lines, and a search for moved ones takes time that grows faster than the square of the lines."""
    old, new = original.split("\n"), repaired.split("\n")
    if max(len(old), len(new)) <= _COMPARED_LINES:
        return "\n".join(difflib.unified_diff(old, new, "pasted", "repaired", lineterm="", n=2))
    pairs = enumerate(itertools.zip_longest(old, new, fillvalue=""), start=1)
    hunks = [f"@@ -{number} +{number} @@\n-{was}\n+{now}" for number, (was, now) in pairs if was != now]
    return "\n".join(["--- pasted", "+++ repaired", *hunks])


def _takes_self(node: ast.FunctionDef) -> bool:
    return bool(node.args.args) and node.args.args[0].arg == "self"
