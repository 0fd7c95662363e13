"""Join a helper file, such as ``utils.py`` beside ``model.py``, to the code that imports it, as one text."""

from __future__ import annotations

import ast
from collections.abc import Collection
from pathlib import PurePath

from grader import intake
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
    helper_text = _text(helper)
    texts = (helper_text, _without_imports(_text(code), module, _defined_names(helper_text)))
    names = (helper.filename, code.filename)
    joined = "\n\n".join(f"# {name}\n{text}" if name else text for name, text in zip(names, texts, strict=True))
    return Part(joined.encode(), " + ".join(name for name in names if name) or None)


def _text(part: Part) -> str:
    decoded = encoding.decode(part.data)
    if isinstance(decoded, Observation) or notebook.looks_like_notebook(part.data) or limits.excess([decoded.text]):
        raise NotJoinable
    return decoded.text.rstrip("\n") + "\n"


def _defined_names(text: str) -> frozenset[str]:
    return intake.defined_names(text) if isinstance(syntax.parse(text), ast.Module) else frozenset()


def _without_imports(text: str, module: str, defined: Collection[str]) -> str:
    """The text without its imports of the module, with as many lines. Unreadable text is unchanged."""
    tree = syntax.parse(text)
    if not isinstance(tree, ast.Module):
        return text
    lines = text.split("\n")
    for node in ast.walk(tree):
        replacement = _replacement(node, module, tree, defined)
        if replacement is None or not isinstance(node, ast.stmt):
            continue
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        indent, rest = lines[first][: node.col_offset], lines[last - 1][node.end_col_offset :]
        # Other statements on the same line would go too.
        if not indent.strip() and not rest.split("#")[0].strip():
            lines[first:last] = [f"{indent}{replacement}  # joined above", *[""] * (last - first - 1)]
    return "\n".join(lines)


def _replacement(node: ast.AST, module: str, tree: ast.Module, defined: Collection[str]) -> str | None:
    """The statement in the place of an import of the module, or ``None`` for anything else."""
    if isinstance(node, ast.ImportFrom) and node.module == module:
        renamed = [f"{name.asname} = {name.name}" for name in node.names if name.asname]
        return "; ".join(renamed) or "pass"
    if isinstance(node, ast.ImportFrom) and (node.module is not None or len(node.names) > 1):
        return None
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return None
    names = [name.asname or name.name for name in node.names if name.name == module]
    if not names:
        return None
    others = [ast.unparse(ast.Import([name])) for name in node.names if name.name != module]
    namespaces = [f"{name} = types.SimpleNamespace({_members(name, tree, defined)})" for name in names]
    return "; ".join([*others, "import types", *namespaces])


def _members(name: str, tree: ast.Module, defined: Collection[str]) -> str:
    """What the code reads of the module by this name, as arguments; everything where the module is used as an object.

    No more is named, because naming a result makes the statements that compute it needed.
    """
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_name(node.value, name)]
    reads = sum(_is_name(node, name) for node in ast.walk(tree))
    read_names = {node.attr for node in attributes} if len(attributes) == reads else set(defined)
    return ", ".join(f"{member}={member}" for member in sorted(read_names & set(defined)) if member != "*")


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
