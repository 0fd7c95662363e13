"""Which names a top-level statement binds, and which it reads from the module, by Python's scope rules."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from grader.intake import syntax

_CATCHES_NAME_ERROR = frozenset({"NameError", "Exception", "BaseException"})


@dataclass(frozen=True)
class Read:
    """A name that is looked up in the module or the builtins.

    ``deferred``: only when a function is called. ``guarded``: inside a ``try`` that catches ``NameError``.
    ``hint``: in an annotation that Python evaluates.
    """

    name: str
    line: int
    deferred: bool = False
    guarded: bool = False
    hint: bool = False


@dataclass
class _Scope:
    is_class: bool
    bound: frozenset[str]
    declared_global: frozenset[str] = frozenset()


def binds(statement: ast.stmt) -> frozenset[str]:
    """The names that a module-level statement binds; ``*`` stands for a star import."""
    return _bound([statement])[0]


def defined_names(text: str) -> frozenset[str]:
    """Every name that a module's top level binds. Raises ``SyntaxError`` for what is no Python."""
    return frozenset().union(*(binds(statement) for statement in syntax.tree(text).body))


def declared_globals(tree: ast.AST) -> frozenset[str]:
    """Names that functions bind in the module by a ``global`` statement."""
    return frozenset(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)


def reads(statement: ast.stmt) -> tuple[Read, ...]:
    """What the statement reads from the module's scope, in the order of the text."""
    visitor = _Reads()
    visitor.visit(statement)
    return tuple(visitor.found)


def _bound(nodes: Iterable[ast.AST]) -> tuple[frozenset[str], frozenset[str]]:
    """Names that these nodes bind in their own scope, and names that they declare global or nonlocal."""
    bound: set[str] = set()
    declared: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                bound.add(node.name)
                continue
            case ast.Lambda():
                continue
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                # A comprehension's targets are its own; only := reaches out of it.
                walrus = (inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
                bound.update(walrus)
                continue
            case ast.Name(ctx=ast.Store() | ast.Del()):
                bound.add(node.id)
            case ast.alias():
                bound.add(node.asname or (node.name if node.name == "*" else node.name.split(".")[0]))
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case ast.Global() | ast.Nonlocal():
                declared.update(node.names)
        stack.extend(ast.iter_child_nodes(node))
    return frozenset(bound - declared), frozenset(declared)


@dataclass
class _Reads(ast.NodeVisitor):
    found: list[Read] = field(default_factory=list)
    _scopes: list[_Scope] = field(default_factory=list)
    _deferred: bool = False
    _guarded: bool = False
    _hint: bool = False

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and not self._is_local(node.id):
            self.found.append(Read(node.id, node.lineno, self._deferred, self._guarded, self._hint))

    def _is_local(self, name: str) -> bool:
        for position, scope in enumerate(reversed(self._scopes)):
            if scope.is_class and position:
                continue  # a class body's names are not seen from its methods
            if name in scope.declared_global:
                # `nonlocal` names are found in an outer function, `global` ones nowhere: both are right to go on.
                continue
            if name in scope.bound:
                # A class body that reads a name before binding it reads the module's; take it as its own.
                return True
        return False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._defaults(node.args)
        hints = [argument.annotation for argument in _arguments(node.args)] + [node.returns]
        for hint in hints:
            self._annotation(hint)
        self._body(node.args, node.body)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._defaults(node.args)
        self._body(node.args, [node.body])

    def _defaults(self, arguments: ast.arguments) -> None:
        for default in [*arguments.defaults, *arguments.kw_defaults]:
            if default is not None:
                self.visit(default)

    def _annotation(self, hint: ast.expr | None) -> None:
        if hint is None:
            return
        before, self._hint = self._hint, True
        self.visit(hint)
        self._hint = before

    def _body(self, arguments: ast.arguments, body: Iterable[ast.AST]) -> None:
        bound, declared = _bound(body)
        parameters = {argument.arg for argument in _arguments(arguments)}
        self._scopes.append(_Scope(False, bound | parameters | {"__class__"}, declared))
        before, self._deferred = self._deferred, True
        for node in body:
            self.visit(node)
        self._deferred = before
        self._scopes.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]:
            self.visit(outside)
        bound, declared = _bound(node.body)
        self._scopes.append(_Scope(True, bound | {"__module__", "__qualname__"}, declared))
        for inner in node.body:
            self.visit(inner)
        self._scopes.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if not self._scopes or self._scopes[-1].is_class:
            self._annotation(node.annotation)  # Python does not evaluate annotations of a function's local names
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Try(self, node: ast.Try) -> None:
        self._try(node)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        self._try(node)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        before = self._guarded
        self._guarded = before or any(_catches_name_error(handler) for handler in node.handlers)
        for inner in node.body:
            self.visit(inner)
        self._guarded = before
        for later in [*node.handlers, *node.orelse, *node.finalbody]:
            self.visit(later)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node.generators, [node.elt])

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node.generators, [node.elt])

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node.generators, [node.elt])

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, [node.key, node.value])

    def _comprehension(self, generators: list[ast.comprehension], elements: list[ast.expr]) -> None:
        self.visit(generators[0].iter)  # evaluated outside
        bound, _ = _bound(generator.target for generator in generators)
        self._scopes.append(_Scope(False, bound))
        for position, generator in enumerate(generators):
            if position:
                self.visit(generator.iter)
            for condition in generator.ifs:
                self.visit(condition)
        for element in elements:
            self.visit(element)
        self._scopes.pop()


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    optional = [arguments.vararg, arguments.kwarg]
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return named + [argument for argument in optional if argument is not None]


def _catches_name_error(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in _CATCHES_NAME_ERROR for kind in kinds)
