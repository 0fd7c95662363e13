"""Conditions that the defaults of an entry point's parameters settle: ``y_b is not None`` where ``y_b=None``."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from grader.intake import effects

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Is: operator.is_, ast.IsNot: operator.is_not, ast.Eq: operator.eq, ast.NotEq: operator.ne,
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_ENDS = (ast.Return, ast.Raise)


class Constants:
    """The parameters of the last function of a name that have constant defaults and that its body never binds.

    ``used`` are those that settled a condition.
    """

    def __init__(self, statements: Sequence[ast.stmt], entry: str) -> None:
        named = [node for node in statements if isinstance(node, effects.Function) and node.name == entry]
        self._values = _constant_defaults(named[-1]) if named else {}
        self._inside = {id(node) for node in _own_nodes(named[-1])} if self._values else set[int]()
        self.used: set[str] = set()
        self._unreachable = {id(node) for node in self._after_ends(named[-1])} if self._values else set[int]()

    def _after_ends(self, function: effects.Function) -> Iterator[ast.stmt]:
        """The statements after an ``if`` whose settled branch returns or raises."""
        for node in (function, *_own_nodes(function)):
            for block in ("body", "orelse", "finalbody"):
                statements = getattr(node, block, None)
                is_over = False
                for statement in statements if isinstance(statements, list) else ():
                    if is_over:
                        yield statement
                    elif isinstance(statement, ast.If) and (truth := self._settle(statement.test)) is not None:
                        branch = statement.body if truth else statement.orelse
                        is_over = any(isinstance(last, _ENDS) for last in branch[-1:])

    def reached(self, node: ast.AST) -> list[ast.AST] | None:
        """What runs of a node that a condition settles; None for any other node."""
        if id(node) not in self._inside:
            return None
        if id(node) in self._unreachable:
            return []
        if isinstance(node, ast.If | ast.IfExp) and (truth := self._settle(node.test)) is not None:
            branch = node.body if truth else node.orelse
            return list(branch) if isinstance(branch, list) else [branch]
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And) and self._settle(node) is False:
            return []
        return None

    def _settle(self, test: ast.expr) -> bool | None:
        """Whether a condition holds, or None where that depends on more than the defaults."""
        used: set[str] = set()
        truth = self._truth(test, used)
        if truth is not None:
            self.used |= used
        return truth

    def _truth(self, test: ast.expr, used: set[str]) -> bool | None:
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                truth = self._truth(operand, used)
                return None if truth is None else not truth
            case ast.BoolOp(op=kind, values=values):
                decisive = isinstance(kind, ast.Or)
                truths = [self._truth(value, used) for value in values]
                if decisive in truths:
                    return decisive
                return None if None in truths else not decisive
            case ast.Compare(left=left, ops=[kind], comparators=[right]):
                first, second = self._value(left, used), self._value(right, used)
                compare = _COMPARISONS.get(type(kind))
                if first is None or second is None or compare is None:
                    return None
                try:
                    return bool(compare(first[0], second[0]))
                except TypeError:
                    return None
            case _:
                value = self._value(test, used)
                return None if value is None else bool(value[0])

    def _value(self, node: ast.expr, used: set[str]) -> tuple[Any] | None:
        match node:
            case ast.Constant(value=value):
                return (value,)
            case ast.Name(id=name) if name in self._values:
                used.add(name)
                return (self._values[name],)
            case _:
                return None


def _constant_defaults(function: effects.Function) -> dict[str, Any]:
    positional = [*function.args.posonlyargs, *function.args.args]
    pairs = [
        *zip(reversed(positional), reversed(function.args.defaults), strict=False),
        *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
    ]
    bound = {
        node.id for node in ast.walk(function) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    return {
        argument.arg: value.value
        for argument, value in pairs
        if isinstance(value, ast.Constant) and argument.arg not in bound
    }


def _own_nodes(function: effects.Function) -> list[ast.AST]:
    """The nodes of a function's body, without those of functions and classes inside."""
    return [node for statement in function.body for node in effects.running_nodes(statement)]
