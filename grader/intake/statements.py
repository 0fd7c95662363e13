"""The top-level statements of one part: what each binds, reads and may change. The same for every entry point."""

from __future__ import annotations

import ast
import builtins
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from grader.intake import effects, names
from grader.intake.blockers import Blockers

AVAILABLE_MODULES = frozenset(sys.stdlib_module_names) | {"torch", "torchvision", "numpy", "PIL"}
"""Top-level modules that a part may import."""
_UNAVAILABLE_SUBMODULES = ("torch.utils.tensorboard",)
"""Submodules that need a missing package."""
SETTINGS = frozenset({"cfg", "config", "args"})
"""Names of the prelude whose every value reads as None."""
_BINDS_BY_TEXT = frozenset({"globals", "locals", "exec"})
MODULE_NAMES = frozenset(dir(builtins)) | {
    "__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__", "__annotations__",
}  # fmt: skip
"""Names that every module has."""
Import = ast.Import | ast.ImportFrom


@dataclass(frozen=True, eq=False)
class Statement:
    """A top-level statement, the names that it binds, and those that it reads from the module."""

    node: ast.stmt
    bound_names: frozenset[str]
    reads: tuple[names.NameRead, ...]

    @cached_property
    def is_main(self) -> bool:
        """Whether it runs only in a script."""
        return effects.is_main_guard(self.node)

    @cached_property
    def is_constant(self) -> bool:
        """Whether it binds names to literals alone."""
        if not isinstance(self.node, ast.Assign | ast.AnnAssign) or self.node.value is None:
            return False
        allowed = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.Load, ast.unaryop)
        return all(isinstance(part, allowed) for part in ast.walk(self.node.value))

    @cached_property
    def only_defines(self) -> bool:
        """Whether it is a definition that runs without calls and look-ups, which may fail."""
        return isinstance(self.node, effects.Definition) and effects.only_defines(self.node)

    @cached_property
    def certainly_changed(self) -> frozenset[str]:
        """Names whose object it changes for certain."""
        return effects.certainly_changed(self.node)


class Statements:
    """The statements of a parsed part. Every look-up uses an index, because a part may hold thousands."""

    def __init__(self, tree: ast.Module, prelude_names: frozenset[str]) -> None:
        self.tree = tree
        nodes = tree.body
        self.all = [Statement(node, names.bound_names(node), names.name_reads(node)) for node in nodes]
        self.prelude_names = prelude_names
        self.predefined_names = prelude_names | MODULE_NAMES
        self.bound_names = frozenset[str]().union(*(statement.bound_names for statement in self.all))
        self.binders: dict[str, list[Statement]] = defaultdict(list)
        self.changers: dict[str, list[Statement]] = defaultdict(list)
        self.positions = {statement: position for position, statement in enumerate(self.all)}
        self.load_readers: dict[str, list[int]] = defaultdict(list)
        """By name the positions of the statements that read it while the part loads."""
        for position, statement in enumerate(self.all):
            for name in {read.name for read in statement.reads if not read.is_deferred}:
                self.load_readers[name].append(position)
        candidates = [statement for statement in self.all if not statement.is_main]
        for statement in candidates:
            for name in statement.bound_names:
                self.binders[name].append(statement)
        own_names = frozenset[str]().union(
            *(statement.bound_names for statement in candidates if not isinstance(statement.node, Import))
        )
        unavailable_names = frozenset(name for item in candidates for name in _unavailable_names(item.node)) - own_names
        statement_effects = effects.Effects(nodes, own_names | (SETTINGS & prelude_names), unavailable_names)
        binders = {name: [item.node for item in items] for name, items in self.binders.items()}
        self.blockers = Blockers(statement_effects, nodes, binders, self.predefined_names, unavailable_names)
        for statement in candidates:
            is_definition = isinstance(statement.node, effects.Definition)
            effects_of = statement_effects.registers if is_definition else statement_effects.changes
            for name in effects_of(statement.node):
                self.changers[name].append(statement)
        for name, statement in _registered_subclasses(candidates):
            self.changers[name].append(statement)
        self.changed_by_main = [
            (item, statement_effects.changes(item.node) | item.bound_names) for item in self.all if item.is_main
        ]
        self.definitions = frozenset(
            name for item in candidates if isinstance(item.node, effects.Definition) for name in item.bound_names
        )
        self.text_binders = [
            item for item in candidates if _binds_by_text(item.node) and self.blockers.of(item.node) is None
        ]

    @cached_property
    def strings(self) -> frozenset[str]:
        """The part's string constants: a name that is looked up by its text is one of them."""
        return frozenset(
            node.value for node in ast.walk(self.tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )

    @cached_property
    def declared_globals(self) -> frozenset[str]:
        """Names that functions bind in the module by a ``global`` statement."""
        return names.declared_globals(self.tree)

    @cached_property
    def postpones_hints(self) -> bool:
        """Whether ``from __future__ import annotations`` keeps Python from evaluating annotations."""
        return any(
            isinstance(node, ast.ImportFrom)
            and node.module == "__future__"
            and any(alias.name == "annotations" for alias in node.names)
            for node in self.tree.body
        )


def is_available(module: str) -> bool:
    """Whether a part may import a module."""
    return module.split(".")[0] in AVAILABLE_MODULES and not module.startswith(_UNAVAILABLE_SUBMODULES)


def imported_module(node: ast.ImportFrom) -> str:
    """The module of ``from module import ...``, with its leading dots."""
    return "." * node.level + (node.module or "")


def _binds_by_text(node: ast.stmt) -> bool:
    """``globals().update(settings)``"""
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in _BINDS_BY_TEXT
        for part in effects.running_nodes(node)
    )


def _registered_subclasses(items: list[Statement]) -> Iterator[tuple[str, Statement]]:
    """Each class with its ancestors that know it: by ``__init_subclass__``, a metaclass or ``__subclasses__``."""
    lists_subclasses = any(
        isinstance(part, ast.Attribute) and part.attr == "__subclasses__"
        for item in items
        for part in ast.walk(item.node)
    )
    registries: dict[str, frozenset[str]] = {}
    for item in items:
        if not isinstance(item.node, ast.ClassDef):
            continue
        inherited_registries = frozenset().union(
            *(registries.get(effects.root(base), frozenset()) for base in item.node.bases)
        )
        is_registry = (
            lists_subclasses
            or any(keyword.arg == "metaclass" for keyword in item.node.keywords)
            or any(getattr(inner, "name", "") == "__init_subclass__" for inner in item.node.body)
        )
        registries[item.node.name] = inherited_registries | ({item.node.name} if is_registry else set())
        yield from ((name, item) for name in inherited_registries)


def _unavailable_names(node: ast.stmt) -> list[str]:
    """Names that an import binds to modules, or to parts of a module, of a missing package."""
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names if not is_available(alias.name)]
    if isinstance(node, ast.ImportFrom) and not is_available(imported_module(node)):
        return [alias.asname or alias.name for alias in node.names]
    return []
