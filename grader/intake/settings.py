"""Finds missing settings that decide what runs: ``if cfg["wide"]`` where the part does not define ``cfg``.

The prelude's ``cfg``, ``config`` and ``args`` read as None for every key. Arithmetic and loops over None raise, which a
report shows; a condition, an index, an argument or a returned value takes None without a word. The search follows a
value through assignments, attributes and calls of the part's own functions. It leaves out branches that only print or
move tensors, and those that the defaults of the entry point's parameters settle.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from grader.evidence import Observation
from grader.intake import defaults, effects
from grader.intake.facts import IntakeFact

_PASSES = 4
"""Assignments and calls in a row that a value is followed through."""
_FILLS = frozenset({"update", "setdefault"})
_MOVES = frozenset({"to", "cuda", "cpu"})
_CALLED_BY_PYTORCH = "forward"
_Function = effects.Function | ast.Lambda
_Scope = ast.AST | None
"""A function, or None for the module."""


class Decision(NamedTuple):
    """A missing setting as the code reads it, and the line (from 1) where it decides."""

    setting: str
    line: int


class Decisions(NamedTuple):
    """The missing settings that decide, each once, in the order of the text.

    ``defaults`` are parameters of the entry point. Where a call leaves all of them alone, only ``by_default`` decide.
    """

    decisions: list[Decision]
    by_default: list[Decision]
    defaults: frozenset[str]


def find(statements: Sequence[ast.stmt], missing_names: frozenset[str], entry: str) -> Decisions:
    """The missing settings that decide in the code that ``entry`` reaches.

    ``statements`` are those that the entry point needs; ``missing_names`` are settings that none of them binds.
    """
    if not missing_names:
        return Decisions([], [], frozenset())
    everything = _Search(statements, missing_names, entry, None).decisions()
    constants = defaults.Constants(statements, entry)
    by_default = _Search(statements, missing_names, entry, constants).decisions() if everything else []
    return Decisions(everything, by_default, frozenset(constants.used))


def notes_of_call(notes: Iterable[Observation], defaulted: Collection[str] | None) -> tuple[Observation, ...]:
    """The notes for a call that leaves the parameters ``defaulted`` of the entry point alone; None: all of them."""
    return tuple(_note_of_call(note, defaulted) if note.id == IntakeFact.SETTINGS_DECIDE else note for note in notes)


def _note_of_call(note: Observation, defaulted: Collection[str] | None) -> Observation:
    params = {"names": note.params["names"], "line": note.params["line"]}
    parameters = note.params.get("defaults")
    if parameters is None or (defaulted is not None and not set(parameters) <= set(defaulted)):
        return Observation(id=note.id, params=params)
    if note.params["by_default"]:
        return Observation(id=note.id, params=note.params["by_default"])
    roots = sorted({name.split(".")[0].split("[")[0] for name in params["names"]})
    return Observation(id=IntakeFact.SETTINGS_MISSING, params=params | {"names": roots})


class _Search:
    def __init__(
        self,
        statements: Sequence[ast.stmt],
        missing_names: frozenset[str],
        entry: str,
        constants: defaults.Constants | None,
    ) -> None:
        self._constants = constants
        self._parents: dict[ast.AST, ast.AST] = {}
        self._scopes: dict[ast.AST, _Scope] = {}
        self._functions: dict[str, list[effects.Function]] = defaultdict(list)
        for statement in statements:
            self._index(statement)
        self._nodes = list(self._reached_nodes(statements, entry))
        self._set_keys: set[str] = set()
        """Settings that the part gives a value: ``cfg['width']`` of ``cfg['width'] = 8``."""
        filled_names: set[str] = set()
        for node in self._nodes:
            if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
                self._set_keys.add(ast.unparse(node))
            elif isinstance(node, ast.Attribute) and node.attr in _FILLS:
                filled_names.add(effects.root(node))
        self._origins: dict[tuple[_Scope, str], str] = {(None, name): name for name in missing_names - filled_names}
        """The setting that a name holds, by the scope of the name."""
        self._objects = missing_names
        self._local_names: dict[_Function, set[str]] = {}
        self._attributes: dict[str, str] = {}
        """The setting that an attribute of an object holds: ``small`` of ``self.small = args.small``."""

    def decisions(self) -> list[Decision]:
        for _ in range(_PASSES):
            before = len(self._origins) + len(self._attributes)
            lines = dict[str, int]()
            for node, setting in self._settings_read():
                if self._follow(node, setting):
                    lines[setting] = min(lines.get(setting, node.lineno), node.lineno)
            if len(self._origins) + len(self._attributes) == before:
                break
        return sorted((Decision(*item) for item in lines.items()), key=lambda decision: decision.line)

    def _index(self, statement: ast.stmt) -> None:
        stack: list[tuple[ast.AST, _Scope]] = [(statement, None)]
        while stack:
            node, scope = stack.pop()
            self._scopes[node] = scope
            if isinstance(node, effects.Function):
                self._functions[node.name].append(node)
            inside = {id(part) for part in _body(node)} if isinstance(node, _Function) else set[int]()
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node
                stack.append((child, node if id(child) in inside else scope))
            if isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, effects.Function) and inner.name == "__init__":
                        self._functions[node.name].append(inner)

    def _reached_nodes(self, statements: Iterable[ast.stmt], entry: str) -> Iterator[ast.AST]:
        """The nodes that run when the part loads, and those of the functions whose names such nodes mention."""
        mentioned_names = {entry, _CALLED_BY_PYTORCH}
        waiting: dict[str, list[effects.Function]] = defaultdict(list)
        pending: list[ast.AST] = list(statements)
        while pending:
            node = pending.pop()
            if self._constants is not None and (reached := self._constants.reached(node)) is not None:
                pending += reached
                continue
            yield node
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if name and name not in mentioned_names:
                mentioned_names.add(name)
                for function in waiting.pop(name, ()):
                    pending += function.body
            if isinstance(node, effects.Function):
                pending += [child for child in ast.iter_child_nodes(node) if child not in node.body]
                if node.name in mentioned_names or node.name.startswith("__"):
                    pending += node.body
                else:
                    waiting[node.name].append(node)
            else:
                pending += ast.iter_child_nodes(node)

    def _settings_read(self) -> Iterator[tuple[ast.expr, str]]:
        """The expressions that read a setting, each with the setting's own text."""
        for node in self._nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                origin = self._origin(node)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                origin = self._attributes.get(node.attr)
            else:
                continue
            if origin is not None:
                chain = self._chain(node)
                setting = origin + ast.unparse(chain)[len(ast.unparse(node)) :]
                if setting not in self._set_keys:
                    yield chain, setting

    def _origin(self, name: ast.Name) -> str | None:
        scope = self._scopes[name]
        while scope is not None and (scope, name.id) not in self._origins:
            if isinstance(scope, _Function):
                if scope not in self._local_names:
                    self._local_names[scope] = _local_names(scope)
                if name.id in self._local_names[scope]:
                    return None
            scope = self._scopes[scope]
        return self._origins.get((scope, name.id))

    def _chain(self, node: ast.expr) -> ast.expr:
        """The whole chain of attributes, keys and ``get`` that begins with a node."""
        while True:
            match self._parents.get(node):
                case ast.Attribute() | ast.Subscript() as parent if parent.value is node:
                    node = parent
                case ast.Call(func=ast.Attribute(attr="get") as callee) as parent if callee is node:
                    node = parent
                case _:
                    return node

    def _follow(self, node: ast.expr, setting: str) -> bool:
        """Whether the value of an expression decides; records the names and attributes that receive it."""
        has_default = isinstance(node, ast.Call) and len(node.args) > 1
        is_object = setting in self._objects
        child: ast.AST = node
        while True:
            parent = self._parents.get(child)
            match parent:
                case ast.If(test=test) if test is child:
                    return not all(_is_harmless(statement) for statement in (*parent.body, *parent.orelse))
                case ast.While(test=test) | ast.IfExp(test=test) if test is child:
                    return True
                case ast.Assert() | ast.match_case() | ast.Match():
                    return True
                case ast.comprehension():
                    return child in parent.ifs
                case ast.BoolOp(op=ast.Or(), values=values) if child is not values[-1]:
                    has_default = True
                case ast.Compare() | ast.UnaryOp(op=ast.Not()):
                    is_object = False
                case ast.BoolOp() | ast.IfExp() | ast.NamedExpr() | ast.Tuple() | ast.List() | ast.Dict():
                    pass
                case ast.Starred() | ast.keyword():
                    pass
                case ast.Subscript() | ast.Return():
                    return not (has_default or is_object)
                case ast.Call(func=callee):
                    word = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
                    if word == "bool":
                        child = parent
                        continue
                    only_shows = effects.only_reads(word) and word != "get"
                    if self._bind_parameters(parent, child, setting) or only_shows:
                        return False
                    return not (has_default or is_object or child is callee)
                case ast.Assign(targets=targets) if not has_default:
                    for target in targets:
                        self._bind(target, setting)
                    return False
                case ast.AnnAssign(target=target) if not has_default:
                    self._bind(target, setting)
                    return False
                case ast.arguments():
                    self._bind_default(parent, child, setting)
                    return False
                case _:
                    return False
            child = parent

    def _bind(self, target: ast.expr, setting: str) -> None:
        if isinstance(target, ast.Name):
            self._origins.setdefault((self._scopes[target], target.id), setting)
        elif isinstance(target, ast.Attribute):
            self._attributes.setdefault(target.attr, setting)

    def _bind_default(self, arguments: ast.arguments, default: ast.AST, setting: str) -> None:
        """Follow ``def build(small=args.small)``."""
        function = self._parents[arguments]
        positional = [*arguments.posonlyargs, *arguments.args]
        pairs: list[tuple[ast.arg, ast.expr | None]] = list(
            zip(reversed(positional), reversed(arguments.defaults), strict=False)
        )
        pairs += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        for argument, value in pairs:
            if value is default:
                self._origins.setdefault((function, argument.arg), setting)

    def _bind_parameters(self, call: ast.Call, argument: ast.AST, setting: str) -> bool:
        """Follow an argument into the part's own functions; whether there is one."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        functions = self._functions.get(name, [])[-effects.SAME_NAME_LIMIT :]
        for function in functions:
            positional = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
            if positional[:1] in (["self"], ["cls"]):
                positional = positional[1:]
            if isinstance(argument, ast.keyword):
                parameter = argument.arg
            else:
                at = next((at for at, value in enumerate(call.args) if value is argument), len(positional))
                parameter = positional[at] if at < len(positional) else None
            if parameter is not None:
                self._origins.setdefault((function, parameter), setting)
        return bool(functions)


def _is_harmless(statement: ast.stmt) -> bool:
    """Whether a statement only shows something, or moves an object to another device."""
    match statement:
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=callee)):
            return effects.only_reads(callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", ""))
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Attribute(attr=method, value=moved))):
            return method in _MOVES and isinstance(moved, ast.Name) and moved.id == name
        case _:
            return False


def _body(function: _Function) -> list[ast.AST]:
    return [function.body] if isinstance(function, ast.Lambda) else list(function.body)


def _local_names(function: _Function) -> set[str]:
    """The parameters of a function, and the names that its own body binds."""
    names = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    for part in _body(function):
        names |= {
            node.id
            for node in effects.running_nodes(part)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
    return names
