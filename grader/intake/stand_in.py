"""Finds a definition under another name that can stand in for a missing entry point.

``KnowledgeDistillationLoss`` for ``loss_fn_kd``, ``StudentNet`` for ``get_student_model``. Only a single candidate
counts, never a choice between two.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable

_LOSS_NAME = re.compile(r"kd|distil|knowledge|loss|criterion", re.IGNORECASE)
_TEACHER = re.compile(r"teacher|^t_|_t$|soft", re.IGNORECASE)
_LOSS_WORDS = frozenset(
    ["softmax", "log_softmax", "kl_div", "KLDivLoss", "cross_entropy", "CrossEntropyLoss", "logsumexp", "LogSoftmax"]
)
_MODEL_NAME = re.compile(r"model|student|net", re.IGNORECASE)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Definition = _Function | ast.ClassDef


def find(tree: ast.Module, entry: str) -> str | None:
    """The single top-level name that can stand in for ``entry``, which the part does not bind."""
    rule = _RULES.get(entry)
    if rule is None:
        return None
    definitions = [node for node in tree.body if isinstance(node, _Definition)]
    same_name = {node.name for node in definitions if _normalized(node.name) == _normalized(entry)}
    return _single(same_name) if same_name else rule(tree, definitions)


def _loss(tree: ast.Module, definitions: list[_Definition]) -> str | None:
    losses = {node.name: node for node in definitions if _is_loss(node)}
    used_names = _names_used_by(losses.values())
    return _single(name for name in losses if name not in used_names)


def _is_loss(node: _Definition) -> bool:
    """Whether a definition takes three tensors, is named a loss or has a teacher, and uses functions of such a loss."""
    if isinstance(node, ast.ClassDef):
        method = _method(node, "forward") or _method(node, "__call__")
        parameters = _parameters(method)[1:] if method else []
    else:
        parameters = _parameters(node)
    if len(parameters) < 3 or not (_LOSS_NAME.search(node.name) or any(map(_TEACHER.search, parameters))):
        return False
    words = {part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in ast.walk(node)}
    return bool(words & _LOSS_WORDS)


def _model(tree: ast.Module, definitions: list[_Definition]) -> str | None:
    """A function that returns a model, else a variable that holds one, else the class of one."""
    classes = {node.name: node for node in definitions if isinstance(node, ast.ClassDef)}
    modules = {name for name, node in classes.items() if _is_module(node)}
    used_names = _names_used_by(definitions)
    builders = {
        node.name
        for node in definitions
        if isinstance(node, _Function)
        and node.name not in used_names
        and _MODEL_NAME.search(node.name)
        and not _has_required(node)
        and any(isinstance(part, ast.Return) and _constructed_class(part.value) in modules for part in ast.walk(node))
    }
    if builders:
        return _single(builders)
    instances = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and _constructed_class(node.value) in modules - used_names
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    if instances:
        return _single(instances)
    unused = {name for name in modules - used_names if not _has_required(_method(classes[name], "__init__"), skip=1)}
    return "StudentNet" if "StudentNet" in unused else _single(unused)


def _is_module(node: ast.ClassDef) -> bool:
    """Whether a class has a base class and its own ``forward``."""
    return bool(node.bases) and _method(node, "forward") is not None


def _constructed_class(node: ast.expr | None) -> str:
    """``StudentNet`` of ``StudentNet(3).to(device)``; empty for other expressions."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _names_used_by(nodes: Iterable[_Definition]) -> set[str]:
    """The names that definitions use, without their own."""
    return {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name) and part.id != node.name}


def _method(node: ast.ClassDef, name: str) -> _Function | None:
    return next((inner for inner in node.body if isinstance(inner, _Function) and inner.name == name), None)


def _parameters(node: _Function) -> list[str]:
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def _has_required(node: _Function | None, skip: int = 0) -> bool:
    """Whether a function has required parameters after the first ``skip``."""
    if node is None:
        return False
    positional = len(node.args.posonlyargs) + len(node.args.args) - len(node.args.defaults)
    return positional > skip or any(default is None for default in node.args.kw_defaults)


def _single(names: Iterable[str]) -> str | None:
    unique = set(names)
    return unique.pop() if len(unique) == 1 else None


def _normalized(name: str) -> str:
    return name.lower().replace("_", "")


_RULES: dict[str, Callable[[ast.Module, list[_Definition]], str | None]] = {
    "loss_fn_kd": _loss,
    "get_student_model": _model,
}
