"""Finds what can stand in for a missing entry point: a definition of another name, or an object that the part makes.

``KnowledgeDistillationLoss`` for ``loss_fn_kd``, ``StudentNet`` for ``get_student_model``: any function by another
spelling or by a name with a slip, a network and a loss by what they do. An object that the part
makes outranks the function that makes it, because ``net = make_net(width=0.5)`` says which network is meant; a complete
loss outranks its helpers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from grader.intake import effects, slips

_LOSS_NAME = re.compile(r"kd|distil|knowledge|loss|criterion", re.IGNORECASE)
_TEACHER = re.compile(r"teacher|^t_|_t$|soft", re.IGNORECASE)
_LABELS = re.compile(r"label|target|^y|gt$|truth", re.IGNORECASE)
_SOFT_WORDS = frozenset({"softmax", "log_softmax", "kl_div", "KLDivLoss", "logsumexp", "LogSoftmax", "kl_divergence"})
_HARD_WORDS = frozenset({"cross_entropy", "CrossEntropyLoss", "nll_loss", "NLLLoss"})
_TRAINING_WORDS = frozenset({"backward", "step", "zero_grad", "train", "eval", "state_dict"})
_MODEL_NAME = re.compile(r"model|student|net", re.IGNORECASE)
_STUDENT = re.compile(r"student", re.IGNORECASE)
_NOT_STUDENT = re.compile(r"teacher|optim|sched|loader|criterion", re.IGNORECASE)
_LIBRARY_MODEL = re.compile(r"(?:torch\.)?nn\.Sequential|(?:torchvision\.)?models\.\w+")
_MODULE_BASE = re.compile(r"(?:.*\.)?(?:Module|Sequential)")
_LONG_NAME, _SLIPS = 12, 2
"""Letters of a name in which so many slips are recognised."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Definition = _Function | ast.ClassDef


class EntryKind(Enum):
    """What a question calls: its check says so. A network and a loss are recognised under any name."""

    FUNCTION = "function"
    NETWORK = "network"
    LOSS = "loss"


@dataclass(frozen=True)
class StandIn:
    """The expression that stands in for an entry point; where it is empty, ``choices`` are those that it could be."""

    expression: str = ""
    choices: tuple[str, ...] = ()


def find(tree: ast.Module, entry: str, kind: EntryKind) -> StandIn:
    """What can stand in for ``entry``, which the part does not bind."""
    definitions = [node for node in tree.body if isinstance(node, _Definition)]
    same_name = [node.name for node in definitions if _normalized(node.name) == _normalized(entry)]
    same_name = same_name or [node.name for node in definitions if is_slip_of(node.name, entry)]
    if same_name:
        return _only(same_name)
    rule = _RULES.get(kind)
    return StandIn() if rule is None else rule(tree, definitions)


def _only(candidates: Iterable[str]) -> StandIn:
    """The candidate, if there is one; where there are several, none is chosen."""
    unique = tuple(dict.fromkeys(candidates))
    return StandIn(unique[0]) if len(unique) == 1 else StandIn(choices=unique)


def _loss(tree: ast.Module, definitions: list[_Definition]) -> StandIn:
    by_name = {node.name: node for node in definitions}
    words = {name: _words(node) for name, node in by_name.items()}
    for name in words:
        words[name] = words[name].union(*(words[helper] for helper in words[name] & by_name.keys() - {name}))
    losses = {name: node for name, node in by_name.items() if _is_loss(node, words[name])}
    used_names = _names_used_by(losses.values())
    ranks = {name: _completeness(node, words[name]) for name, node in losses.items() if name not in used_names}
    return _only(name for name, rank in ranks.items() if rank == max(ranks.values()))


def _words(node: ast.AST) -> frozenset[str]:
    return frozenset(
        part.attr if isinstance(part, ast.Attribute) else getattr(part, "id", "") for part in ast.walk(node)
    )


def _is_loss(node: _Definition, words: frozenset[str]) -> bool:
    """Whether a definition takes three tensors, is named a loss or has a teacher, and uses functions of such a loss.

    One that uses functions of both terms needs no such name. ``words`` include those of its helpers.
    """
    if len(_loss_parameters(node)) < 3 or words & _TRAINING_WORDS:
        return False
    is_named = _LOSS_NAME.search(node.name) or any(map(_TEACHER.search, _loss_parameters(node)))
    uses = [bool(words & _SOFT_WORDS), bool(words & _HARD_WORDS)]
    return all(uses) or (bool(is_named) and any(uses))


def _loss_parameters(node: _Definition) -> list[str]:
    if not isinstance(node, ast.ClassDef):
        return _parameters(node)
    method = _method(node, "forward") or _method(node, "__call__")
    return _parameters(method)[1:] if method else []


def _completeness(node: _Definition, words: frozenset[str]) -> int:
    """How many marks of a whole loss a definition has: labels, a teacher, the functions of each term."""
    parameters = _loss_parameters(node)
    has_labels, has_teacher = (any(map(name.search, parameters)) for name in (_LABELS, _TEACHER))
    return sum([has_labels, has_teacher, bool(words & _SOFT_WORDS), bool(words & _HARD_WORDS)])


def _model(tree: ast.Module, definitions: list[_Definition]) -> StandIn:
    """A network that the part makes, else a function that returns one, else the class of one."""
    classes = {node.name: node for node in definitions if isinstance(node, ast.ClassDef)}
    modules = _module_classes(classes)
    functions = [node for node in definitions if isinstance(node, _Function)]
    factories = _factories(functions, modules)
    used_names = _names_used_by(definitions)
    made = _made(tree, (modules | factories) - used_names)
    if made.expression or made.choices:
        return made
    builders = [node.name for node in functions if node.name in factories - used_names and not _has_required(node)]
    named_builders = [name for name in builders if _MODEL_NAME.search(name)]
    if named_builders:
        return _only(named_builders)
    unused = [
        name
        for name in classes
        if name in modules - used_names and not _has_required(_method(classes[name], "__init__"), skip=1)
    ]
    return StandIn("StudentNet") if "StudentNet" in unused else _only(unused or builders)


def _module_classes(classes: dict[str, ast.ClassDef]) -> frozenset[str]:
    """The classes of networks: those with a ``forward`` of their own, and those whose base is one.

    A ``forward`` that requires more than the images is that of a loss or of a part of a network.
    """
    modules: set[str] = set()
    for name, node in classes.items():
        bases = [ast.unparse(base) for base in node.bases]
        is_module = any(_MODULE_BASE.fullmatch(base) or base in modules for base in bases)
        if bases and (is_module or _method(node, "forward") is not None):
            modules.add(name)
    return frozenset(name for name in modules if not _has_required(_method(classes[name], "forward"), skip=2))


def _factories(functions: Sequence[_Function], modules: frozenset[str]) -> frozenset[str]:
    """The functions that return a network, directly, through a variable or from an earlier one of them."""
    factories: set[str] = set()
    for function in functions:
        values = {
            target.id: node.value
            for node in ast.walk(function)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
        values_returned = [values.get(node.id) if isinstance(node, ast.Name) else node for node in returned]
        if any(_construction(value, modules | factories) for value in values_returned):
            factories.add(function.name)
    return frozenset(factories)


def _made(tree: ast.Module, makers: frozenset[str]) -> StandIn:
    """The network that top-level statements make: the one that they summarise, the student, or the only one.

    What stands under ``if __name__ == "__main__":`` does not run, so the call is taken from there.
    """
    top_level = _calls(tree.body, makers)
    guarded = _calls([inner for node in tree.body if effects.is_main_guard(node) for inner in node.body], makers)
    calls = guarded | top_level
    # Two objects that the same call makes are one choice: the first.
    names = {call: name if name in top_level else call for name, call in reversed(calls.items()) if call}
    summarised = [
        calls.get(node.id, "") if isinstance(node, ast.Name) else _construction(node, makers)
        for node in _summarised(tree)
    ]
    shown = {names.get(call, call) for call in summarised if call}
    made = list(reversed(names.values()))
    students = [name for name in made if _STUDENT.search(name)]
    return _only(shown if len(shown) == 1 else students or made)


def _calls(statements: Iterable[ast.stmt], makers: frozenset[str]) -> dict[str, str]:
    """The call that makes a network, by the variable to which it is assigned; empty for other values."""
    return {
        target.id: _construction(node.value, makers)
        for node in statements
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and not _NOT_STUDENT.search(target.id)
    }


def _summarised(tree: ast.Module) -> Iterator[ast.expr]:
    """The first arguments of top-level calls of ``summary``."""
    for statement in tree.body:
        if isinstance(statement, _Definition):
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] == "summary":
                yield node.args[0]


def _construction(node: ast.expr | None, makers: frozenset[str] | set[str]) -> str:
    """The call that makes a network: ``StudentNet(3)`` of ``StudentNet(3).to(device)``; empty if there is none."""
    while isinstance(node, ast.Call):
        callee = ast.unparse(node.func)
        if callee in makers or _LIBRARY_MODEL.fullmatch(callee):
            return ast.unparse(node)
        node = node.func.value if isinstance(node.func, ast.Attribute) else None
    return ""


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


def is_slip_of(name: str, entry: str) -> bool:
    """Whether a name is a long one with a slip or two, as ``get_num_channel_to_keep``."""
    one, other = _normalized(name), _normalized(entry)
    is_long = min(len(one), len(other)) >= _LONG_NAME and abs(len(one) - len(other)) <= _SLIPS
    return is_long and slips.distance(one, other) <= _SLIPS


def _normalized(name: str) -> str:
    return name.lower().replace("_", "")


_RULES: dict[EntryKind, Callable[[ast.Module, list[_Definition]], StandIn]] = {
    EntryKind.LOSS: _loss,
    EntryKind.NETWORK: _model,
}
