"""Recognises a program that copying has damaged, and guesses its text before that.

A repair is a guess. The student sees it as a diff, and it is graded only on request.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from grader import line_difference
from grader.evidence import StudentError
from grader.intake import indentation, prose, syntax, underscores, wrapping

SIZE_LIMIT = 200_000
"""Characters. Pasted homework has a few thousand; a repair parses the text several times."""
_LOST_DUNDER = re.compile(r"\bsuper\([^()\n]*\)\s*\.\s*init\s*\(|\bdef\s+init\s*\(\s*self\b")


@dataclass(frozen=True)
class Repair:
    """The probable text before the damage, and its syntax tree."""

    text: str
    tree: ast.Module


def repair(text: str) -> Repair | None:
    """The repaired text, or ``None`` where no repair parses or the text needs none."""
    if len(text) > SIZE_LIMIT:
        return None
    joined_text, _ = underscores.restore(wrapping.restore(text))
    candidates = [joined_text]
    if not syntax.is_readable(joined_text) or has_stray_method(joined_text):
        indented = indentation.restore(joined_text)
        candidates = [joined_text] if indented is None else [indented, joined_text]
    for candidate in [*candidates, *(readable.text for text in candidates if (readable := prose.without_prose(text)))]:
        tree = syntax.parse(candidate)
        if candidate != text and isinstance(tree, ast.Module):
            return Repair(candidate, tree)
    return None


def shows_damage(text: str, parse_result: ast.Module | StudentError) -> bool:
    """Whether a text, valid Python or not, bears the marks of a damaged paste."""
    if _LOST_DUNDER.search(text):
        return True
    if isinstance(parse_result, ast.Module):
        return has_stray_method(text)
    if len(text) > SIZE_LIMIT:
        return False
    _, restored_names = underscores.restore(text)
    return restored_names > 1 or indentation.is_flat(text)


def shows_damage_by_line(text: str, broken_lines: list[str]) -> bool:
    """Whether a text whose broken lines are known bears the marks of a damaged paste."""
    if _LOST_DUNDER.search(text) or (len(text) <= SIZE_LIMIT and indentation.is_flat(text)):
        return True
    return sum(underscores.restore(line)[1] for line in broken_lines) > 1


def has_stray_method(text: str) -> bool:
    """Whether a method stands outside its class: ``def forward(self, x)`` at the margin after a class without one."""
    parse_result = syntax.parse(text)
    if isinstance(parse_result, StudentError):
        return False
    used_names = {part.id for part in ast.walk(parse_result) if isinstance(part, ast.Name)}
    methods: frozenset[str] | None = None  # of the class above, as long as only functions follow it
    for node in parse_result.body:
        if isinstance(node, ast.ClassDef):
            methods = frozenset(inner.name for inner in node.body if isinstance(inner, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef) and methods is not None and _takes_self(node):
            # A function that the code uses by name, as `StudentNet.forward = forward` does, is no stray method.
            if methods and node.name not in methods and node.name not in used_names:
                return True
        else:
            methods = None
    return False


def difference(original: str, repaired: str) -> str:
    """A unified diff from the pasted to the repaired text."""
    hunks = line_difference.unified(original.split("\n"), repaired.split("\n"), context=2)
    return "\n".join(["--- pasted", "+++ repaired", *hunks])


def _takes_self(node: ast.FunctionDef) -> bool:
    return bool(node.args.args) and node.args.args[0].arg == "self"
