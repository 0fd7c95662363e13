"""What a top-level statement may do to objects that exist: by assignment, by method, by a function that it calls.

The hand-in's own functions are looked into. Of a library's method it is assumed that it changes its object, unless its
name says that it only reads, trains or shows.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
DEPTH = 50
"""Functions within functions that are looked into; Python's stack ends at a few hundred."""
SAME_NAME_LIMIT = 200
"""Functions of one name that are looked into, the last ones: every call of the name may mean each of them."""
ALIAS_LIMIT = 200
"""Names that a change may reach through others, beyond those that it names itself."""
_FILLS = frozenset(
    {"append", "extend", "insert", "update", "setdefault", "add", "add_module", "pop", "remove", "sort", "reverse"}
)
_LEAVES = frozenset(
    {
        "addHandler",
        "setFormatter",
        "setLevel",
        "buffers",
        "children",
        "copy",
        "count",
        "cpu",
        "cuda",
        "endswith",
        "eval",
        "format",
        "forward",
        "get",
        "index",
    }
    | {"is_available", "items", "join", "keys", "load_state_dict", "modules", "named_buffers", "named_children"}
    | {"named_modules", "named_parameters", "numel", "parameters", "print_help", "requires_grad_", "share_memory"}
    | {"size", "split", "startswith", "state_dict", "step", "to", "train", "values", "zero_grad"}
)
"""Methods that leave the shape of a network, or a container, as it was."""
_SHOWS = re.compile(
    r"train(?!able)|eval|test|valid|predict|infer|fit|bench|profil|flops|count|print|show|plot|display|visual|draw"
    r"|summar|info|log|debug|warn|save|export|dump|load|watch|seed|synchron|empty_cache|^(len|isinstance|id|repr|str|type)$"
)
"""Functions of others by whose name they change nothing that is passed to them."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class _Inside:
    """What calling a function changes: names of the module, and what is passed to it."""

    globals: frozenset[str] = frozenset()
    own_object: bool = False
    arguments: bool = False


_ANYTHING = _Inside(own_object=True, arguments=True)


class Effects:
    """What the statements of one hand-in change.

    ``own``: names of what the hand-in makes itself; ``packages``: names of packages that are not here.
    """

    def __init__(self, nodes: list[ast.stmt], own: frozenset[str], packages: frozenset[str]) -> None:
        self.functions: dict[str, list[Function]] = defaultdict(list)
        self.methods: dict[str, list[Function]] = defaultdict(list)
        self._own = own
        self._packages = packages
        for node in nodes:
            if isinstance(node, Function):
                self.functions[node.name].append(node)
            elif isinstance(node, ast.ClassDef):
                for inner in node.body:
                    if isinstance(inner, Function):
                        self.methods[inner.name].append(inner)
                        if inner.name == "__init__":
                            self.methods[node.name].append(inner)
        for functions in (*self.functions.values(), *self.methods.values()):
            del functions[:-SAME_NAME_LIMIT]
        self._inside: dict[Function, _Inside | None] = {}
        self._depth = 0
        self._aliases = _aliases(nodes)

    def changes(self, statement: ast.stmt) -> frozenset[str]:
        """Names whose object the statement may change, other than by binding them anew."""
        nodes = list(running(statement))
        direct = assigned(nodes)
        return frozenset(direct) | (_closed(direct | self._called(nodes), self._aliases, _aliases(nodes)) & self._own)

    def registers(self, definition: ast.stmt) -> frozenset[str]:
        """Names whose object a definition's decorators change: ``REGISTRY`` of ``@register("student")``."""
        if not isinstance(definition, Definition):
            return frozenset()
        found: set[str] = set()
        for decorator in definition.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if isinstance(called, ast.Attribute):
                found |= {root(called)} & self._own
            for function in self._named(called):
                found |= self._of(function).globals
        return frozenset(found)

    def called(self, call: ast.Call) -> list[Function]:
        """The hand-in's own functions or methods that a call may run."""
        return self._named(call.func)

    def _named(self, called: ast.expr) -> list[Function]:
        if isinstance(called, ast.Attribute):
            return self.methods.get(called.attr, [])
        if isinstance(called, ast.Name):
            return self.functions.get(called.id, []) + self.methods.get(called.id, [])
        return []

    def _called(self, nodes: Iterable[ast.AST]) -> set[str]:
        found: set[str] = set()
        for node in nodes:
            if isinstance(node, ast.Call):
                found |= self._changed_by(node)
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                found |= self._changed_for_its_own_sake(node.value)
        return found - {""}

    def _changed_by(self, call: ast.Call) -> set[str]:
        own = [self._of(function) for function in self._named(call.func)]
        found = set[str]().union(*(inside.globals for inside in own))
        if any(inside.arguments for inside in own):
            found |= _passed(call)
        if isinstance(call.func, ast.Attribute):
            changes = any(inside.own_object for inside in own) if own else call.func.attr not in _LEAVES
            found |= {root(call.func)} if changes else set()
        return found

    def _changed_for_its_own_sake(self, call: ast.Call) -> set[str]:
        """What is passed to a function of others whose answer nobody takes: ``init.zeros_(net.fc.bias)``."""
        first = root(call.func)
        last = call.func.attr if isinstance(call.func, ast.Attribute) else first
        if not first or first in self._own or first in self._packages or _SHOWS.search(last.lower()):
            return set()
        return _passed(call)

    def _of(self, function: Function) -> _Inside:
        if function in self._inside or self._depth > DEPTH:
            return self._inside.get(function) or _ANYTHING  # one that calls itself: anything until it is known
        self._inside[function] = None
        self._depth += 1
        nodes = [node for node in ast.walk(function) if node is not function]
        is_method = function not in self.functions.get(function.name, [])
        parameters = [argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)]
        declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        stored = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
        local = (stored | {node.arg for node in nodes if isinstance(node, ast.arg)}) - declared
        changed = _closed(assigned(nodes) | self._called(nodes), _aliases(nodes))
        this = set(parameters[:1]) if is_method else set()
        inside = _Inside(
            globals=frozenset((changed - local) | (declared & stored)),
            own_object=bool(changed & this),
            arguments=bool(changed & (set(parameters) - this)),
        )
        self._inside[function] = inside
        self._depth -= 1
        return inside


def assigned(nodes: Iterable[ast.AST]) -> set[str]:
    """Names whose object is changed by assignment: ``cfg['x'] = 1``, ``StudentNet.forward = forward``, ``setattr``."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Assign(targets=targets) | ast.Delete(targets=targets):
                found |= {root(target) for target in targets if isinstance(target, ast.Subscript | ast.Attribute)}
            case ast.AugAssign(target=ast.Subscript() | ast.Attribute() as target):
                found.add(root(target))
            case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[first, *_]):
                found.add(root(first))
    return found - {""}


def plainly_changed(statement: ast.stmt) -> frozenset[str]:
    """Names whose object the statement changes by assignment or by filling it, as ``sizes.append(3)`` does."""
    nodes = list(running(statement))
    calls = [node.value for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
    filled = {root(call.func) for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in _FILLS}
    return frozenset(assigned(nodes) | filled) - {""}


def running(statement: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with the statement: not the bodies of what it defines."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, _DEFINITIONS):
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


def only_defines(definition: ast.stmt) -> bool:
    """Whether a definition calls and looks up nothing when it runs: ``alpha=cfg['alpha']`` could stop the rest."""
    return not any(isinstance(node, ast.Call | ast.Subscript) for node in _at_definition(definition))


def only_reads(name: str) -> bool:
    """Whether a method or a function of a library changes nothing, by its name: it reads, trains or shows."""
    return name in _LEAVES or _SHOWS.search(name.lower()) is not None


def root(node: ast.expr) -> str:
    """The name that a chain of attributes, indices and methods begins with: ``b`` of ``b.conv(32).conv``; or ''."""
    while True:
        match node:
            case ast.Attribute() | ast.Subscript() | ast.Starred():
                node = node.value
            case ast.Call(func=ast.Attribute() as called):
                node = called
            case ast.Call(func=ast.Name(id="vars" | "getattr"), args=[first, *_]):
                node = first
            case _:
                return node.id if isinstance(node, ast.Name) else ""


def _passed(call: ast.Call) -> set[str]:
    """The names of what is passed as it is: ``net`` of ``f(net.fc, g(x))``."""
    passed = [*call.args, *(keyword.value for keyword in call.keywords)]
    listed = [part for one in passed for part in (one.elts if isinstance(one, ast.List | ast.Tuple) else [one])]
    return {root(one) for one in listed if isinstance(one, ast.Name | ast.Attribute | ast.Subscript | ast.Starred)}


def _aliases(nodes: Iterable[ast.AST]) -> dict[str, set[str]]:
    """What a name may be a part of: ``layers = net.features``, ``for layer in net.modules()``."""
    found: dict[str, set[str]] = defaultdict(set)
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] |= {root(value)} - {"", name}
            case ast.For(target=target, iter=iterated):
                parts = {part.id for part in ast.walk(iterated) if isinstance(part, ast.Name)}
                for part in ast.walk(target):
                    if isinstance(part, ast.Name):
                        found[part.id] |= parts - {part.id}
    return found


def _closed(changed: set[str], *aliases: dict[str, set[str]]) -> frozenset[str]:
    waiting, found = list(changed), set(changed)
    while waiting and len(found) < len(changed) + ALIAS_LIMIT:
        name = waiting.pop()
        others = {other for known in aliases for other in known.get(name, ())} - found
        found |= others
        waiting += others
    return frozenset(found)


def _at_definition(definition: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run with a ``def`` or ``class``: decorators, bases, defaults, and a class's own statements.

    Annotations are left out: ``Optional[int]`` stops nothing.
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
