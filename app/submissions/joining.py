"""Join a helper file, such as ``utils.py`` beside ``model.py``, to the code that imports it, as one text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePath

from grader.evidence import Observation
from grader.intake import encoding, limits, notebook, syntax
from grader.submission import Part


class NotJoinable(ValueError):
    """One of the two files is a notebook, is no text or is too long."""


def join(helper: Part, code: Part) -> Part:
    """The helper's text, then the code, in which imports of the helper are no longer needed.

    Raises `NotJoinable`.
    """
    module = PurePath(helper.filename or "").stem
    texts = (_text(helper), _without_imports(_text(code), module))
    names = (helper.filename, code.filename)
    joined = "\n\n".join(f"# {name}\n{text}" if name else text for name, text in zip(names, texts, strict=True))
    return Part(joined.encode(), " + ".join(name for name in names if name) or None)


def _text(part: Part) -> str:
    decoded = encoding.decode(part.data)
    if isinstance(decoded, Observation) or notebook.looks_like_notebook(part.data) or limits.excess([decoded.text]):
        raise NotJoinable
    return decoded.text.rstrip("\n") + "\n"


def _without_imports(text: str, module: str) -> str:
    """The text without its ``from module import ...``, with as many lines. Unreadable text is unchanged."""
    tree = syntax.parse(text)
    if not isinstance(tree, ast.Module):
        return text
    lines = text.split("\n")
    for node in _imports(tree, module):
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        indent, rest = lines[first][: node.col_offset], lines[last - 1][node.end_col_offset :]
        # Other statements on the same line would go too.
        if not indent.strip() and not rest.split("#")[0].strip():
            renamed = [f"{name.asname} = {name.name}" for name in node.names if name.asname]
            lines[first:last] = [f"{indent}{'; '.join(renamed) or 'pass'}  # joined above", *[""] * (last - first - 1)]
    return "\n".join(lines)


def _imports(tree: ast.Module, module: str) -> Iterator[ast.ImportFrom]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == module:
            yield node
