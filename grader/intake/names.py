"""The names that a top-level statement binds, and those that it reads from the module, by Python's scope rules."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from grader.intake import syntax

_CATCHES_NAME_ERROR = frozenset({"NameError", "Exception", "BaseException"})


@dataclass(frozen=True)
class NameRead:
    """A name that is looked up in the module or the builtins.

    ``is_deferred``: only when a function is called. ``is_guarded``: inside a ``try`` that catches ``NameError``.
    ``is_hint``: in an annotation that Python evaluates.
    """

    name: str
    line: int
    is_deferred: bool = False
    is_guarded: bool = False
    is_hint: bool = False


@dataclass
class _Scope:
    is_class: bool
    local_names: frozenset[str]
    global_names: frozenset[str] = frozenset()


def bound_names(statement: ast.stmt) -> frozenset[str]:
    """The names that a module-level statement binds; ``*`` stands for a star import."""
    return _bound_and_declared([statement])[0]


def defined_names(text: str) -> frozenset[str]:
    """Every name that a module's top level binds. Raises ``SyntaxError`` for other text than Python."""
    return frozenset().union(*(bound_names(statement) for statement in syntax.tree(text).body))


@lru_cache(maxsize=32)
def prelude_names(text: str) -> frozenset[str]:
    """The names that a prelude defines: `defined_names`, remembered for the few preludes that there are."""
    return defined_names(text)


def declared_globals(tree: ast.AST) -> frozenset[str]:
    """Names that functions bind in the module by a ``global`` statement."""
    return frozenset(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)


def name_reads(statement: ast.stmt) -> tuple[NameRead, ...]:
    """The names that the statement reads from the module's scope, in the order of the text."""
    visitor = _ReadVisitor()
    visitor.visit(statement)
    return tuple(visitor.reads)


def _bound_and_declared(nodes: Iterable[ast.AST]) -> tuple[frozenset[str], frozenset[str]]:
    """The names that nodes bind in their own scope, and the names that they declare global or nonlocal."""
    local_names: set[str] = set()
    declared_names: set[str] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                local_names.add(node.name)
                continue
            case ast.Lambda():
                continue
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                # A comprehension has a scope of its own; only := binds outside it.
                walrus = (inner.target.id for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
                local_names.update(walrus)
                continue
            case ast.Name(ctx=ast.Store() | ast.Del()):
                local_names.add(node.id)
            case ast.alias():
                local_names.add(node.asname or (node.name if node.name == "*" else node.name.split(".")[0]))
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                local_names.add(name)
            case ast.MatchMapping(rest=str(name)):
                local_names.add(name)
            case ast.Global() | ast.Nonlocal():
                declared_names.update(node.names)
        stack.extend(ast.iter_child_nodes(node))
    return frozenset(local_names - declared_names), frozenset(declared_names)


@dataclass
class _ReadVisitor(ast.NodeVisitor):
    reads: list[NameRead] = field(default_factory=list)
    _scopes: list[_Scope] = field(default_factory=list)
    _is_deferred: bool = False
    _is_guarded: bool = False
    _is_hint: bool = False

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and not self._is_local(node.id):
            self.reads.append(NameRead(node.id, node.lineno, self._is_deferred, self._is_guarded, self._is_hint))

    def _is_local(self, name: str) -> bool:
        for position, scope in enumerate(reversed(self._scopes)):
            if scope.is_class and position:
                continue  # methods do not see the names of the class body
            if name in scope.global_names:
                continue  # an outer function binds a `nonlocal` name, no scope binds a `global` one
            if name in scope.local_names:
                return True  # also for a class body that reads the module's name before it binds its own
        return False

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for decorator in node.decorator_list:
            self.visit(decorator)
        self._defaults(node.args)
        hints = [argument.annotation for argument in _arguments(node.args)] + [node.returns]
        for hint in hints:
            self._annotation(hint)
        self._body(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

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
        before, self._is_hint = self._is_hint, True
        self.visit(hint)
        self._is_hint = before

    def _body(self, arguments: ast.arguments, body: Iterable[ast.AST]) -> None:
        local_names, declared_names = _bound_and_declared(body)
        parameters = {argument.arg for argument in _arguments(arguments)}
        self._scopes.append(_Scope(False, local_names | parameters | {"__class__"}, declared_names))
        before, self._is_deferred = self._is_deferred, True
        for node in body:
            self.visit(node)
        self._is_deferred = before
        self._scopes.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for outside in [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]:
            self.visit(outside)
        local_names, declared_names = _bound_and_declared(node.body)
        self._scopes.append(_Scope(True, local_names | {"__module__", "__qualname__"}, declared_names))
        for inner in node.body:
            self.visit(inner)
        self._scopes.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if not self._scopes or self._scopes[-1].is_class:
            self._annotation(node.annotation)  # Python does not evaluate annotations of local names in functions
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        before = self._is_guarded
        self._is_guarded = before or any(_catches_name_error(handler) for handler in node.handlers)
        for inner in node.body:
            self.visit(inner)
        self._is_guarded = before
        for unguarded in [*node.handlers, *node.orelse, *node.finalbody]:
            self.visit(unguarded)

    visit_TryStar = visit_Try

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._comprehension(node.generators, [node.elt])

    visit_SetComp = visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, [node.key, node.value])

    def _comprehension(self, generators: list[ast.comprehension], elements: list[ast.expr]) -> None:
        self.visit(generators[0].iter)  # evaluated outside the comprehension's scope
        local_names, _ = _bound_and_declared(generator.target for generator in generators)
        self._scopes.append(_Scope(False, local_names))
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
