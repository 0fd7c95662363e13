"""Selects what runs of a part: the imports, definitions and values that its entry point needs. The rest is blanked."""

from __future__ import annotations

import ast
import bisect
import builtins
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from grader.evidence import Observation
from grader.intake import edits, effects, names, settings
from grader.intake.blockers import Blocker, Blockers
from grader.intake.facts import IntakeFact
from grader.intake.result import DropKind, DroppedPiece

AVAILABLE_MODULES = frozenset(sys.stdlib_module_names) | {"torch", "torchvision", "numpy", "PIL"}
"""Top-level modules that a part may import."""
_UNAVAILABLE_SUBMODULES = ("torch.utils.tensorboard",)
"""Submodules that need a missing package."""
_SETTINGS = frozenset({"cfg", "config", "args"})
"""Names of the prelude whose every value reads as None."""
_DECISION_LIMIT = 5
"""Settings that a note names."""
_MODULE_LIMIT = 20
"""Modules that a note names."""
_READS_BY_TEXT = frozenset({"globals", "locals", "vars", "eval", "exec"})
_BINDS_BY_TEXT = frozenset({"globals", "locals", "exec"})
MODULE_NAMES = frozenset(dir(builtins)) | {
    "__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__", "__annotations__",
}  # fmt: skip
"""Names that every module has."""
_Import = ast.Import | ast.ImportFrom
_COMPOUND = (*effects.LOOPS, ast.If, ast.Try, ast.TryStar, ast.Match)


@dataclass(frozen=True)
class Selection:
    """The text that runs, the dropped pieces, and the names that neither the part nor the prelude defines.

    ``dropped_changes``: first lines of dropped statements that may change what the entry point needs.
    ``is_speculative``: some selected statements are only assumed to change what the entry point needs.
    ``needed_names``: the names that the entry point reads, directly or through what it calls.
    """

    source: str
    dropped_pieces: tuple[DroppedPiece, ...]
    notes: tuple[Observation, ...]
    missing_names: tuple[tuple[str, int], ...]
    dropped_changes: frozenset[int]
    is_speculative: bool
    needed_names: frozenset[str]


@dataclass
class _Statement:
    """A top-level statement. ``replacement``: the rest of an import that loses some of its names."""

    node: ast.stmt
    bound_names: frozenset[str]
    reads: tuple[names.NameRead, ...]
    is_needed: bool = False
    runs: bool = False
    replacement: str | None = None

    @property
    def is_main(self) -> bool:
        """``if __name__ == "__main__":``"""
        return (
            isinstance(self.node, ast.If)
            and isinstance(self.node.test, ast.Compare)
            and any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(self.node.test))
        )


class _Selector:
    """Decides which statements run. Every look-up uses an index, because a part may hold thousands of statements."""

    def __init__(self, nodes: list[ast.stmt], prelude_names: frozenset[str], conservative: bool) -> None:
        self.statements = [_Statement(node, names.bound_names(node), names.name_reads(node)) for node in nodes]
        self.notes: list[Observation] = []
        self.is_speculative = False
        self.needed_names: set[str] = set()
        self._dropped_modules: dict[str, int] = {}
        """The missing modules whose imports do not run, with the line of the first."""
        self._conservative = conservative
        self._predefined_names = prelude_names | MODULE_NAMES
        self._binders: dict[str, list[_Statement]] = defaultdict(list)
        self._changers: dict[str, list[_Statement]] = defaultdict(list)
        self._positions = {id(statement): position for position, statement in enumerate(self.statements)}
        self._load_readers: dict[str, list[int]] = defaultdict(list)
        for position, statement in enumerate(self.statements):
            for name in {read.name for read in statement.reads if not read.is_deferred}:
                self._load_readers[name].append(position)
        candidates = [statement for statement in self.statements if not statement.is_main]
        for statement in candidates:
            for name in statement.bound_names:
                self._binders[name].append(statement)
        own_names = frozenset().union(
            *(statement.bound_names for statement in candidates if not isinstance(statement.node, _Import))
        )
        unavailable_names = frozenset(name for item in candidates for name in _unavailable_names(item.node)) - own_names
        statement_effects = effects.Effects(nodes, own_names | (_SETTINGS & prelude_names), unavailable_names)
        binders = {name: [item.node for item in items] for name, items in self._binders.items()}
        self._blockers = Blockers(statement_effects, nodes, binders, self._predefined_names, unavailable_names)
        for statement in candidates:
            is_definition = isinstance(statement.node, effects.Definition)
            effects_of = statement_effects.registers if is_definition else statement_effects.changes
            for name in effects_of(statement.node):
                self._changers[name].append(statement)
        for name, statement in _registered_subclasses(candidates):
            self._changers[name].append(statement)
        self._changed_by_main = [
            (item, statement_effects.changes(item.node) | item.bound_names) for item in self.statements if item.is_main
        ]
        self._definitions = {
            name for item in candidates if isinstance(item.node, effects.Definition) for name in item.bound_names
        }
        self._text_binders = [
            item for item in candidates if _binds_by_text(item.node) and self._blockers.of(item.node) is None
        ]
        self._uses_text_binders = False
        self._certainly_changed: dict[ast.stmt, frozenset[str]] = {}

    def select_needed(self, entry: str, strings: frozenset[str]) -> None:
        """Select the statements that the entry point needs, directly and through what it calls.

        ``strings`` are the part's string constants: a name that is looked up by its text is one of them.
        """
        pending = [entry]
        while pending:
            name = pending.pop()
            if name in self.needed_names:
                continue
            self.needed_names.add(name)
            for statement in self._providers(name):
                if not statement.is_needed:
                    statement.is_needed = statement.runs = True
                    pending += [read.name for read in statement.reads]
                    if any(read.name in _READS_BY_TEXT - {"vars"} for read in statement.reads):
                        pending += sorted(strings & self._definitions)

    def _providers(self, name: str) -> list[_Statement]:
        """The statements that give a name its value, or change it in place."""
        binders = self._binders[name]
        if not binders and name not in self._predefined_names:
            binders = [] if self._uses_text_binders else self._text_binders
            self._uses_text_binders = True
        runnable = [item for item in binders if self._is_runnable_binder(item)]
        return self._without_replaced(name, runnable or binders) + [
            item for item in self._changers[name] if self._may_change(item, name)
        ]

    def _without_replaced(self, name: str, binders: list[_Statement]) -> list[_Statement]:
        """The binders without the definitions that the last one replaces before a statement reads the name."""
        last = binders[-1] if binders else None
        if last is None or not isinstance(last.node, effects.Definition):
            return binders
        readers = self._load_readers[name]
        end = self._positions[id(last)]

        def is_read(item: _Statement) -> bool:
            at = bisect.bisect_right(readers, self._positions[id(item)])
            return at < len(readers) and readers[at] <= end

        return [
            item for item in binders if item is last or not isinstance(item.node, effects.Definition) or is_read(item)
        ]

    def _is_runnable_binder(self, statement: _Statement) -> bool:
        return not isinstance(statement.node, effects.LOOPS) or self._blockers.of(statement.node) is None

    def _may_change(self, statement: _Statement, name: str) -> bool:
        """Whether a statement that may change a name's object runs; if conservative, only a certain change does."""
        if isinstance(statement.node, effects.Definition):
            return True
        if statement.node not in self._certainly_changed:
            self._certainly_changed[statement.node] = effects.certainly_changed(statement.node)
        is_certain = name in self._certainly_changed[statement.node]
        if self._conservative and not is_certain:
            return False
        blocker = self._blockers.of(statement.node)
        if is_certain and not isinstance(statement.node, _COMPOUND):
            return blocker in (None, Blocker.MISSING_NAME)  # the result lists missing names
        self.is_speculative = self.is_speculative or (blocker is None and not is_certain)
        return blocker is None

    def note_dropped_changes(self) -> frozenset[int]:
        """Note the dropped statements that may change what the entry point needs. Returns their first lines."""
        changers = {id(item) for name in self.needed_names for item in self._changers[name]}
        changers |= {id(item) for item, changed in self._changed_by_main if changed & self.needed_names}
        lines: dict[IntakeFact, list[int]] = defaultdict(list)
        for item in self.statements:
            if item.runs or isinstance(item.node, _Import):
                continue
            if not item.is_main and item.bound_names & self.needed_names:
                lines[IntakeFact.CHANGE_DROPPED].append(edits.first_line(item.node))
            elif id(item) in changers:
                is_training = item.is_main or self._blockers.of(item.node) is Blocker.TRAINING
                note_id = IntakeFact.TRAINING_DROPPED if is_training else IntakeFact.CHANGE_DROPPED
                lines[note_id].append(edits.first_line(item.node))
        for note_id, numbers in sorted(lines.items()):
            self.notes.append(Observation(id=note_id, params={"count": len(numbers), "lines": numbers[:20]}))
        return frozenset().union(*lines.values())

    def select_harmless(self) -> None:
        """Select what can run beside the needed: constants, available imports, definitions whose headers can run."""
        needed_reads = {read.name for item in self.statements if item.is_needed for read in item.reads}
        for item in self.statements:
            if isinstance(item.node, _Import):
                self._select_import(item, item.node, needed_reads)
            elif isinstance(item.node, ast.Assign | ast.AnnAssign):
                item.runs = item.runs or (item.node.value is not None and _is_constant(item.node.value))
            elif isinstance(item.node, ast.Pass) or _is_docstring(item.node):
                item.runs = True
        if self._dropped_modules:
            first_line = min(self._dropped_modules.values())
            params = {"module": list(self._dropped_modules)[:_MODULE_LIMIT], "line": first_line}
            self.notes.append(Observation(id=IntakeFact.IMPORT_DROPPED, params=params))
        defined_names = set(self._predefined_names)
        for item in self.statements:
            if isinstance(item.node, effects.Definition) and not item.runs and effects.only_defines(item.node):
                header_reads = [read for read in item.reads if not (read.is_deferred or read.is_guarded)]
                item.runs = all(read.name in defined_names for read in header_reads)
            if item.runs:
                defined_names |= item.bound_names

    def _select_import(self, item: _Statement, node: _Import, needed_reads: set[str]) -> None:
        missing_modules: list[str] = []
        remaining_aliases: list[ast.alias] = []
        for alias in node.names:
            module = alias.name if isinstance(node, ast.Import) else _imported_module(node)
            name = alias.asname or alias.name.split(".")[0]
            if _is_available(module):
                remaining_aliases.append(alias)
            elif item.is_needed and name in needed_reads and len(self._binders[name]) == 1:
                remaining_aliases.append(alias)
                params = {"module": module, "line": node.lineno, "name": name}
                self.notes.append(Observation(id=IntakeFact.MODULE_UNAVAILABLE, params=params))
            else:
                missing_modules.append(module)
        item.runs = bool(remaining_aliases)
        for module in missing_modules:
            self._dropped_modules.setdefault(module, node.lineno)
        if missing_modules and remaining_aliases:
            item.replacement = ast.unparse(_with_names(node, remaining_aliases))

    def settings_notes(self, entry: str) -> tuple[Observation, ...]:
        """A note on the notebook's configuration, where needed statements read it and the part does not define it."""
        bound_names = frozenset().union(*(item.bound_names for item in self.statements))
        lines = {read.name: read.line for item in self.statements if item.is_needed for read in reversed(item.reads)}
        missing_lines = {
            name: line
            for name, line in lines.items()
            if name in _SETTINGS & self._predefined_names and name not in bound_names
        }
        if not missing_lines:
            return ()
        needed = [item.node for item in self.statements if item.is_needed]
        found = settings.find(needed, frozenset(missing_lines), entry)
        if found.decisions:
            params = _decision_params(found.decisions)
            if found.by_default != found.decisions:
                params["defaults"] = sorted(found.defaults)
                params["by_default"] = _decision_params(found.by_default)
            return (Observation(id=IntakeFact.SETTINGS_DECIDE, params=params),)
        return (
            Observation(
                id=IntakeFact.SETTINGS_MISSING,
                params={"names": sorted(missing_lines), "line": min(missing_lines.values())},
            ),
        )

    def unresolved_reads(self, global_names: frozenset[str]) -> list[names.NameRead]:
        """Reads of selected statements that neither the part nor the prelude binds, in the order of the text."""
        selected = [item for item in self.statements if item.runs]
        reads = [
            read
            for item in selected
            for read in item.reads
            if (item.is_needed or not read.is_deferred) and not read.is_guarded
        ]
        if any("*" in item.bound_names for item in selected) or any(read.name in _READS_BY_TEXT for read in reads):
            return []
        bound_names = self._predefined_names.union(global_names, *(item.bound_names for item in self.statements))
        return [read for read in reads if read.name not in bound_names]


def _decision_params(decisions: list[settings.Decision]) -> dict[str, Any]:
    names_read = [decision.setting for decision in decisions[:_DECISION_LIMIT]]
    return {"names": names_read, "line": decisions[0].line} if decisions else {}


def select(
    text: str, tree: ast.Module, entry: str, prelude_names: frozenset[str], conservative: bool = False
) -> Selection:
    """Select what runs of a parsed part when a question calls ``entry``.

    ``conservative``: of the statements that may change an object, only those that do so by assignment or by a method
    that certainly mutates.
    """
    selector = _Selector(tree.body, prelude_names, conservative)
    selector.select_needed(entry, _strings(tree))
    selector.select_harmless()
    dropped_changes = selector.note_dropped_changes()
    selector.notes += selector.settings_notes(entry)
    unresolved = selector.unresolved_reads(names.declared_globals(tree))
    statements = selector.statements
    source = edits.Source(text)
    changes = [
        source.blank(item.node, tree.body[max(position - 1, 0) : position + 2])
        for position, item in enumerate(statements)
        if not item.runs
    ]
    changes += [source.replace(item.node, item.replacement) for item in statements if item.runs and item.replacement]
    hint_names = sorted({read.name for read in unresolved if read.is_hint})
    if hint_names and not _postpones_hints(tree):
        changes += source.without_hints([item.node for item in statements if item.runs], frozenset(hint_names))
        selector.notes.append(Observation(id=IntakeFact.HINTS_IGNORED, params={"names": hint_names}))
    missing_lines: dict[str, int] = {}
    for read in unresolved:
        if not read.is_hint:
            missing_lines.setdefault(read.name, read.line)
    lines = text.split("\n")
    return Selection(
        edits.move_future_imports(source.apply(changes)),
        tuple(_dropped_piece(item, lines) for item in statements if not item.runs),
        tuple(selector.notes),
        tuple(sorted(missing_lines.items(), key=lambda item: (item[1], item[0]))),
        dropped_changes,
        selector.is_speculative,
        frozenset(selector.needed_names),
    )


def _strings(tree: ast.Module) -> frozenset[str]:
    return frozenset(
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _binds_by_text(node: ast.stmt) -> bool:
    """``globals().update(settings)``"""
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in _BINDS_BY_TEXT
        for part in effects.running_nodes(node)
    )


def _registered_subclasses(items: list[_Statement]) -> Iterator[tuple[str, _Statement]]:
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
        return [alias.asname or alias.name.split(".")[0] for alias in node.names if not _is_available(alias.name)]
    if isinstance(node, ast.ImportFrom) and not _is_available(_imported_module(node)):
        return [alias.asname or alias.name for alias in node.names]
    return []


def _imported_module(node: ast.ImportFrom) -> str:
    return "." * node.level + (node.module or "")


def _with_names(node: _Import, aliases: list[ast.alias]) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import(names=aliases)
    return ast.ImportFrom(module=node.module, names=aliases, level=node.level)


def _is_available(module: str) -> bool:
    return module.split(".")[0] in AVAILABLE_MODULES and not module.startswith(_UNAVAILABLE_SUBMODULES)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_constant(node: ast.expr) -> bool:
    allowed = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.Load, ast.unaryop)
    return all(isinstance(part, allowed) for part in ast.walk(node))


def _postpones_hints(tree: ast.Module) -> bool:
    """Whether ``from __future__ import annotations`` keeps Python from evaluating annotations."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(alias.name == "annotations" for alias in node.names)
        for node in tree.body
    )


def _dropped_piece(statement: _Statement, lines: list[str]) -> DroppedPiece:
    number = edits.first_line(statement.node) - 1
    return DroppedPiece.at(number, _drop_kind(statement), lines[number])


def _drop_kind(statement: _Statement) -> DropKind:
    node = statement.node
    if statement.is_main:
        return DropKind.MAIN
    if isinstance(node, _Import):
        return DropKind.IMPORT
    if isinstance(node, effects.Definition):
        return DropKind.DEFINITION
    if isinstance(node, _COMPOUND):
        return DropKind.LOOP
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete):
        return DropKind.ASSIGNMENT
    return DropKind.CALL
