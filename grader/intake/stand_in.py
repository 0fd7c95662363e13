"""A hand-in without its entry point in which something else is plainly what was asked for, under another name.

``KnowledgeDistillationLoss`` for ``loss_fn_kd``, ``StudentNet`` for ``get_student_model``: one candidate or none,
never a choice between two.
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


def find(tree: ast.Module, entry: str) -> str | None:
    """The one top-level name of the hand-in that may stand in for ``entry``, which it does not bind itself."""
    rule = _RULES.get(entry)
    if rule is None:
        return None
    definitions = [node for node in tree.body if isinstance(node, _Function | ast.ClassDef)]
    plain = _plain(entry)
    same = {node.name for node in definitions if _plain(node.name) == plain}
    if same:
        return same.pop() if len(same) == 1 else None
    return rule(tree, definitions)


def _loss(tree: ast.Module, definitions: list[_Function | ast.ClassDef]) -> str | None:
    found = {node.name: node for node in definitions if _is_loss(node)}
    used = _used_by(found.values())
    return _only(name for name in found if name not in used)


def _is_loss(node: _Function | ast.ClassDef) -> bool:
    """Takes three tensors, speaks of a teacher or calls itself a loss, and computes what such a loss computes."""
    if isinstance(node, ast.ClassDef):
        called = _method(node, "forward") or _method(node, "__call__")
        parameters = _parameters(called)[1:] if called else []
    else:
        parameters = _parameters(node)
    if len(parameters) < 3 or not (_LOSS_NAME.search(node.name) or any(map(_TEACHER.search, parameters))):
        return False
    words = {part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in ast.walk(node)}
    return bool(words & _LOSS_WORDS)


def _model(tree: ast.Module, definitions: list[_Function | ast.ClassDef]) -> str | None:
    """A function that makes the model, else a model that was made, else the class of one."""
    classes = {node.name: node for node in definitions if isinstance(node, ast.ClassDef)}
    modules = {name for name, node in classes.items() if _is_module(node)}
    used = _used_by(definitions)
    makers = {
        node.name
        for node in definitions
        if isinstance(node, _Function)
        and node.name not in used
        and _MODEL_NAME.search(node.name)
        and not _required(node)
        and any(isinstance(part, ast.Return) and _called(part.value) in modules for part in ast.walk(node))
    }
    if makers:
        return _only(makers)
    made = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and _called(node.value) in modules - used
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    if made:
        return _only(made)
    roots = {name for name in modules - used if not _required(_method(classes[name], "__init__"), skip=1)}
    return "StudentNet" if "StudentNet" in roots else _only(roots)


def _is_module(node: ast.ClassDef) -> bool:
    """Has a ``forward`` of its own and descends from something."""
    return bool(node.bases) and _method(node, "forward") is not None


def _called(node: ast.expr | None) -> str:
    """``StudentNet`` of ``StudentNet(3).to(device)``."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _used_by(nodes: Iterable[_Function | ast.ClassDef]) -> set[str]:
    """Names that these definitions read, their own apart."""
    return {part.id for node in nodes for part in ast.walk(node) if isinstance(part, ast.Name) and part.id != node.name}


def _method(node: ast.ClassDef, name: str) -> _Function | None:
    return next((inner for inner in node.body if isinstance(inner, _Function) and inner.name == name), None)


def _parameters(node: _Function) -> list[str]:
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]


def _required(node: _Function | None, skip: int = 0) -> bool:
    """Whether something must be passed, the first ``skip`` parameters apart."""
    if node is None:
        return False
    positional = len(node.args.posonlyargs) + len(node.args.args) - len(node.args.defaults)
    return positional > skip or any(default is None for default in node.args.kw_defaults)


def _only(names: Iterable[str]) -> str | None:
    found = set(names)
    return found.pop() if len(found) == 1 else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


_RULES: dict[str, Callable[[ast.Module, list[_Function | ast.ClassDef]], str | None]] = {
    "loss_fn_kd": _loss,
    "get_student_model": _model,
}
