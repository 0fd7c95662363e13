"""What a top-level statement does to objects that exist already, and whether a loop only computes values."""

from __future__ import annotations

import ast
from collections.abc import Iterator

LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)
_FILLS = frozenset(
    {"append", "extend", "insert", "update", "setdefault", "add", "add_module", "pop", "remove", "sort", "reverse"}
)
_PURE = frozenset(
    {"abs", "dict", "divmod", "enumerate", "float", "int", "isinstance", "len", "list", "map", "max", "min", "pow"}
    | {"print", "range", "reversed", "round", "set", "sorted", "str", "sum", "tuple", "type", "zip"}
)
_PURE_METHODS = _FILLS | {"copy", "format", "get", "index", "items", "join", "keys", "split", "values"}
_PURE_MODULES = frozenset({"math", "np", "numpy", "nn", "F", "torch"})
_READS_FILES = frozenset({"load", "save", "load_state_dict", "loadtxt", "genfromtxt", "fromfile", "memmap"})
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


def changed_names(statement: ast.stmt) -> frozenset[str]:
    """Names whose object the statement changes by assignment: ``cfg['x'] = 1``, ``StudentNet.forward = forward``."""
    found: set[str] = set()
    for node in _own(statement):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.Delete):
            targets = [node.target] if isinstance(node, ast.AugAssign) else node.targets
            found |= {base(target) for target in targets if isinstance(target, ast.Subscript | ast.Attribute)} - {""}
        elif _called(node) == "setattr" and isinstance(node, ast.Call) and node.args:
            found |= {base(node.args[0])} - {""}
    return frozenset(found)


def filled_names(statement: ast.stmt) -> frozenset[str]:
    """Names whose object a call as a statement fills: ``sizes.append(3)``, ``cfg.update(...)``."""
    found: set[str] = set()
    for node in _own(statement):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Attribute) and called.attr in _FILLS:
                found |= {base(called)} - {""}
    return frozenset(found)


def changed_by_decorator(definition: ast.stmt) -> frozenset[str]:
    """Names whose object a function changes wherever it does: ``REGISTRY`` of ``@register("student")``."""
    inner = [node for node in ast.walk(definition) if isinstance(node, ast.stmt) and node is not definition]
    return frozenset().union(*(changed_names(node) | filled_names(node) for node in inner))


def decorators(definition: ast.stmt) -> frozenset[str]:
    """The names with which a definition's decorators begin."""
    if not isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return frozenset()
    listed = (node.func if isinstance(node, ast.Call) else node for node in definition.decorator_list)
    return frozenset(base(node) for node in listed) - {""}


def only_computes(statement: ast.stmt, defined: frozenset[str]) -> bool:
    """Whether a loop works on values alone, as ``for i in range(3): widths.append(8 * 2 ** i)`` does.

    It calls nothing but harmless builtins, methods of containers, the array libraries and functions that the hand-in
    itself defines (``defined``): no training, no files.
    """
    if isinstance(statement, ast.With | ast.AsyncWith | ast.AsyncFor):
        return False
    return all(_is_harmless(node.func, defined) for node in _own(statement) if isinstance(node, ast.Call))


def only_defines(definition: ast.stmt) -> bool:
    """Whether a definition calls and looks up nothing when it runs: ``alpha=cfg['alpha']`` could stop the rest."""
    return not any(isinstance(node, ast.Call | ast.Subscript) for node in _at_definition(definition))


def base(node: ast.expr) -> str:
    """The name that an attribute or an index begins with; empty when it begins with something else."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes that run with the statement: not the bodies of what it defines."""
    stack: list[ast.AST] = [statement]
    while stack:
        node = stack.pop()
        if isinstance(node, _DEFINITIONS):
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


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


def _called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _is_harmless(called: ast.expr, defined: frozenset[str]) -> bool:
    if isinstance(called, ast.Name):
        return called.id in _PURE or called.id in defined
    if not isinstance(called, ast.Attribute) or called.attr in _READS_FILES:
        return False
    return called.attr in _PURE_METHODS or base(called) in _PURE_MODULES or isinstance(called.value, ast.Constant)
