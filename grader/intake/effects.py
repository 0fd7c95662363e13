"""What a top-level statement may do to existing objects: by assignment, by a method, by a function that it calls.

The analysis follows the part's own functions. It assumes that a library's method changes its object, unless its name
says that it only reads, trains or shows.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeGuard

LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
DEPTH_LIMIT = 50
"""Nested calls that the analysis follows; Python's stack ends at a few hundred."""
SAME_NAME_LIMIT = 200
"""Functions of one name that the analysis follows, the last ones: a call of the name may mean each of them."""
ALIAS_LIMIT = 200
"""Aliases that a change may reach, beyond the names in the statement itself."""
MUTATING_METHODS = frozenset(
    {"append", "extend", "insert", "update", "setdefault", "add", "add_module", "pop", "remove", "sort", "reverse"}
)
NON_MUTATING_METHODS = frozenset({
    "addHandler", "setFormatter", "setLevel", "buffers", "children", "copy", "count", "cpu", "cuda", "endswith",
    "eval", "format", "forward", "get", "index", "is_available", "items", "join", "keys", "load_state_dict",
    "modules", "named_buffers", "named_children", "named_modules", "named_parameters", "numel", "parameters",
    "print_help", "requires_grad_", "share_memory", "size", "split", "startswith", "state_dict", "step", "to",
    "train", "values", "zero_grad",
})  # fmt: skip
"""Methods that leave the shape of a network, or a container, as it is."""
READ_ONLY_FUNCTIONS = re.compile(
    r"train(?!able)|eval|test|valid|predict|infer|fit|bench|profil|flops|count|print|show|plot|display|visual|draw"
    r"|summar|info|log|debug|warn|save|export|dump|load|watch|seed|synchron|empty_cache|^(len|isinstance|id|repr|str|type)$"
)
"""Names of library functions that do not change their arguments."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class _FunctionEffects:
    """What a call of a function changes: names of the module, the method's own object, its arguments."""

    globals: frozenset[str] = frozenset()
    own_object: bool = False
    arguments: bool = False


_UNKNOWN_EFFECTS = _FunctionEffects(own_object=True, arguments=True)


class Effects:
    """What the statements of one part change.

    ``own_names``: names that the part defines; ``unavailable_names``: names that imports of missing packages bind.
    """

    def __init__(self, nodes: list[ast.stmt], own_names: frozenset[str], unavailable_names: frozenset[str]) -> None:
        self._functions: dict[str, list[Function]] = defaultdict(list)
        self._methods: dict[str, list[Function]] = defaultdict(list)
        self._own_names = own_names
        self._unavailable_names = unavailable_names
        for node in nodes:
            if isinstance(node, Function):
                self._functions[node.name].append(node)
            elif isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, Function):
                        self._methods[inner.name].append(inner)
                        if inner.name == "__init__":
                            self._methods[node.name].append(inner)
        for functions in (*self._functions.values(), *self._methods.values()):
            del functions[:-SAME_NAME_LIMIT]
        self._function_effects: dict[Function, _FunctionEffects | None] = {}
        self._depth = 0
        self._aliases = _aliases(nodes)

    def changes(self, statement: ast.stmt) -> frozenset[str]:
        """Names whose object the statement may change, other than by binding them anew."""
        nodes = list(running_nodes(statement))
        assigned_names = assigned_roots(nodes)
        through_calls = self._changed_by_calls(nodes)
        aliases = with_aliases(assigned_names | through_calls, self._aliases, _aliases(nodes))
        return frozenset(assigned_names) | (aliases & self._own_names)

    def registers(self, definition: ast.stmt) -> frozenset[str]:
        """Names whose object a definition's decorators change: ``REGISTRY`` of ``@register("student")``."""
        if not isinstance(definition, Definition):
            return frozenset()
        changed_names: set[str] = set()
        for decorator in definition.decorator_list:
            callee = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(callee, ast.Attribute):
                changed_names |= {root(callee)} & self._own_names
            for function in self._functions_named(callee):
                changed_names |= self._effects_of(function).globals
        return frozenset(changed_names)

    def functions_called(self, call: ast.Call) -> list[Function]:
        """The part's own functions or methods that a call may run."""
        return self._functions_named(call.func)

    def _functions_named(self, callee: ast.expr) -> list[Function]:
        if isinstance(callee, ast.Attribute):
            return self._methods.get(callee.attr, [])
        if isinstance(callee, ast.Name):
            return self._functions.get(callee.id, []) + self._methods.get(callee.id, [])
        return []

    def _changed_by_calls(self, nodes: Iterable[ast.AST]) -> set[str]:
        changed_names: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Call):
                changed_names |= self._changed_by(node)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                changed_names |= self._changed_by_lone_call(node.value)
        return changed_names - {""}

    def _changed_by(self, call: ast.Call) -> set[str]:
        own_effects = [self._effects_of(function) for function in self._functions_named(call.func)]
        changed_names = set[str]().union(*(effects.globals for effects in own_effects))
        if any(effects.arguments for effects in own_effects):
            changed_names |= _argument_roots(call)
        if isinstance(call.func, ast.Attribute):
            mutates = (
                any(effects.own_object for effects in own_effects)
                if own_effects
                else call.func.attr not in NON_MUTATING_METHODS
            )
            changed_names |= {root(call.func)} if mutates else set()
        return changed_names

    def _changed_by_lone_call(self, call: ast.Call) -> set[str]:
        """The arguments of a library function whose result is unused: ``init.zeros_(net.fc.bias)``."""
        first = root(call.func)
        last = call.func.attr if isinstance(call.func, ast.Attribute) else first
        is_library = bool(first) and first not in self._own_names and first not in self._unavailable_names
        return _argument_roots(call) if is_library and not READ_ONLY_FUNCTIONS.search(last.lower()) else set()

    def _effects_of(self, function: Function) -> _FunctionEffects:
        if function in self._function_effects or self._depth > DEPTH_LIMIT:
            # A recursive function has unknown effects until its own analysis ends.
            return self._function_effects.get(function) or _UNKNOWN_EFFECTS
        self._function_effects[function] = None
        self._depth += 1
        nodes = [node for node in ast.walk(function) if node is not function]
        is_method = function not in self._functions.get(function.name, [])
        parameters = [argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)]
        declared_names = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        stored_names = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
        local_names = (stored_names | {node.arg for node in nodes if isinstance(node, ast.arg)}) - declared_names
        changed_names = with_aliases(assigned_roots(nodes) | self._changed_by_calls(nodes), _aliases(nodes))
        own_object = set(parameters[:1]) if is_method else set()
        effects = _FunctionEffects(
            globals=frozenset((changed_names - local_names) | (declared_names & stored_names)),
            own_object=bool(changed_names & own_object),
            arguments=bool(changed_names & (set(parameters) - own_object)),
        )
        self._function_effects[function] = effects
        self._depth -= 1
        return effects


def assigned_roots(nodes: Iterable[ast.AST]) -> set[str]:
    """Names whose object an assignment changes: ``cfg['x'] = 1``, ``StudentNet.forward = forward``, ``setattr``."""
    roots: set[str] = set()
    for node in nodes:
        match node:
            case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                roots |= {root(target) for target in targets if isinstance(target, ast.Subscript | ast.Attribute)}
            case ast.AugAssign(target=ast.Subscript() | ast.Attribute() as target):
                roots.add(root(target))
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[first, *_]):
                roots.add(root(first))
    return roots - {""}


def certainly_changed(statement: ast.stmt) -> frozenset[str]:
    """Names whose object the statement changes by assignment or by a mutating method, as ``sizes.append(3)`` does."""
    nodes = list(running_nodes(statement))
    calls = [node.value for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    methods = [call.func for call in calls if isinstance(call.func, ast.Attribute)]
    mutated = {root(method) for method in methods if method.attr in MUTATING_METHODS}
    return frozenset(assigned_roots(nodes) | mutated) - {""}


def running_nodes(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with the statement: without the bodies of functions and classes that it defines."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, _DEFINITIONS):
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


def is_main_guard(statement: ast.stmt) -> TypeGuard[ast.If]:
    """``if __name__ == "__main__":``"""
    return (
        isinstance(statement, ast.If)
        and isinstance(statement.test, ast.Compare)
        and any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(statement.test))
    )


def only_defines(definition: ast.stmt) -> bool:
    """Whether a definition runs without calls and look-ups, which may fail: ``alpha=cfg['alpha']``."""
    return not any(isinstance(node, ast.Call | ast.Subscript) for node in _definition_time_nodes(definition))


def only_reads(name: str) -> bool:
    """Whether the name of a library's method or function says that it changes nothing: it reads, trains or shows."""
    return name in NON_MUTATING_METHODS or READ_ONLY_FUNCTIONS.search(name.lower()) is not None


def root(node: ast.expr) -> str:
    """The first name of a chain of attributes, indices and methods: ``b`` of ``b.conv(32).conv``; empty if none."""
    while True:
        match node:
            case ast.Attribute() | ast.Subscript() | ast.Starred():
                node = node.value
            case ast.Call(func=ast.Attribute() as callee):
                node = callee
            case ast.Call(func=ast.Name(id="vars" | "getattr"), args=[first, *_]):
                node = first
            case _:
                return node.id if isinstance(node, ast.Name) else ""


def _argument_roots(call: ast.Call) -> set[str]:
    """The names whose objects a call receives: ``net`` of ``f(net.fc, g(x))``."""
    values = [*call.args, *(keyword.value for keyword in call.keywords)]
    flat = [item for value in values for item in (value.elts if isinstance(value, ast.List | ast.Tuple) else [value])]
    return {root(item) for item in flat if isinstance(item, ast.Name | ast.Attribute | ast.Subscript | ast.Starred)}


def _aliases(nodes: Iterable[ast.AST]) -> dict[str, set[str]]:
    """The names whose object may contain a name's object: ``layers = net.features``, ``for layer in net.modules()``."""
    aliases: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                aliases[name] |= {root(value)} - {"", name}
            case ast.For(target=target, iter=iterated):
                iterated_names = {part.id for part in ast.walk(iterated) if isinstance(part, ast.Name)}
                for part in ast.walk(target):
                    if isinstance(part, ast.Name):
                        aliases[part.id] |= iterated_names - {part.id}
    return aliases


def with_aliases(changed_names: set[str], *aliases: dict[str, set[str]]) -> frozenset[str]:
    """The names, and the names that they reach through aliases, up to a limit."""
    pending, reached_names = list(changed_names), set(changed_names)
    while pending and len(reached_names) < len(changed_names) + ALIAS_LIMIT:
        name = pending.pop()
        others = {other for mapping in aliases for other in mapping.get(name, ())} - reached_names
        reached_names |= others
        pending += others
    return frozenset(reached_names)


def _definition_time_nodes(definition: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with a ``def`` or ``class``: decorators, bases, defaults, and a class's own statements.

    Without annotations: ``Optional[int]`` cannot fail.
    """
    stack: list[ast.AST] = [definition]
    while stack:
        node = stack.pop()
        yield node
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                stack += [*node.decorator_list, *node.args.defaults, *(d for d in node.args.kw_defaults if d)]
            case ast.Lambda():
                stack += [*node.args.defaults, *(d for d in node.args.kw_defaults if d)]
            case ast.AnnAssign():
                stack += [node.value] if node.value else []
            case _:
                stack.extend(ast.iter_child_nodes(node))
