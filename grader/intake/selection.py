"""Selects what runs of a part: the imports, definitions and values that its entry point needs. The rest is blanked."""

from __future__ import annotations

import ast
import bisect
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from grader.evidence import MissingName, Observation
from grader.intake import edits, effects, names, settings
from grader.intake.blockers import Blocker
from grader.intake.facts import IntakeFact
from grader.intake.result import DropKind, DroppedPiece
from grader.intake.statements import SETTINGS, Import, Statement, Statements, imported_module, is_available

_DECISION_LIMIT = 5
"""Settings that a note names."""
_MODULE_LIMIT = 20
"""Modules that a note names."""
_READS_BY_TEXT = frozenset({"globals", "locals", "vars", "eval", "exec"})
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
    missing_names: tuple[MissingName, ...]
    dropped_changes: frozenset[int]
    is_speculative: bool
    needed_names: frozenset[str]


class _Selector:
    """Decides which statements run for one entry point."""

    def __init__(self, part: Statements, conservative: bool) -> None:
        self._part = part
        self.notes: list[Observation] = []
        self.is_speculative = False
        self.needed_names: set[str] = set()
        self.needed: set[Statement] = set()
        self.running: set[Statement] = set()
        self.replacements: dict[Statement, str] = {}
        """The rest of each import that loses some of its names."""
        self._dropped_modules: dict[str, int] = {}
        """The missing modules whose imports do not run, with the line of the first."""
        self._dropped_names: set[str] = set()
        """The names that only those imports bind; what still reads them are type hints."""
        self._conservative = conservative
        self._uses_text_binders = False

    def select_needed(self, entry: str) -> None:
        """Select the statements that the entry point needs, directly and through what it calls."""
        pending = [entry]
        while pending:
            name = pending.pop()
            if name in self.needed_names:
                continue
            self.needed_names.add(name)
            for statement in self._providers(name):
                if statement not in self.needed:
                    self.needed.add(statement)
                    self.running.add(statement)
                    pending += [read.name for read in statement.reads]
                    if any(read.name in _READS_BY_TEXT - {"vars"} for read in statement.reads):
                        pending += sorted(self._part.strings & self._part.definitions)

    def _providers(self, name: str) -> list[Statement]:
        """The statements that give a name its value, or change it in place."""
        binders = self._part.binders.get(name, [])
        if not binders and name not in self._part.predefined_names:
            binders = [] if self._uses_text_binders else self._part.text_binders
            self._uses_text_binders = True
        runnable = [item for item in binders if self._is_runnable_binder(item)]
        return self._without_replaced(name, runnable or binders) + [
            item for item in self._part.changers.get(name, ()) if self._may_change(item, name)
        ]

    def _without_replaced(self, name: str, binders: list[Statement]) -> list[Statement]:
        """The binders without the definitions that the last one replaces before a statement reads the name."""
        last = binders[-1] if binders else None
        if last is None or not isinstance(last.node, effects.Definition):
            return binders
        readers = self._part.load_readers.get(name, [])
        end = self._part.positions[last]

        def is_read(item: Statement) -> bool:
            at = bisect.bisect_right(readers, self._part.positions[item])
            return at < len(readers) and readers[at] <= end

        return [
            item for item in binders if item is last or not isinstance(item.node, effects.Definition) or is_read(item)
        ]

    def _is_runnable_binder(self, statement: Statement) -> bool:
        return not isinstance(statement.node, effects.LOOPS) or self._part.blockers.of(statement.node) is None

    def _may_change(self, statement: Statement, name: str) -> bool:
        """Whether a statement that may change a name's object runs; if conservative, only a certain change does."""
        if isinstance(statement.node, effects.Definition):
            return True
        is_certain = name in statement.certainly_changed
        if self._conservative and not is_certain:
            return False
        blocker = self._part.blockers.of(statement.node)
        if is_certain and not isinstance(statement.node, _COMPOUND):
            return blocker in (None, Blocker.MISSING_NAME)  # the result lists missing names
        self.is_speculative = self.is_speculative or (blocker is None and not is_certain)
        return blocker is None

    def note_dropped_changes(self) -> frozenset[int]:
        """Note the dropped statements that may change what the entry point needs. Returns their first lines."""
        changers = {item for name in self.needed_names for item in self._part.changers.get(name, ())}
        changers |= {item for item, changed in self._part.changed_by_main if changed & self.needed_names}
        lines: dict[IntakeFact, list[int]] = defaultdict(list)
        for item in self._part.all:
            if item in self.running or isinstance(item.node, Import):
                continue
            if not item.is_main and item.bound_names & self.needed_names:
                lines[IntakeFact.CHANGE_DROPPED].append(edits.first_line(item.node))
            elif item in changers:
                is_training = item.is_main or self._part.blockers.of(item.node) is Blocker.TRAINING
                note_id = IntakeFact.TRAINING_DROPPED if is_training else IntakeFact.CHANGE_DROPPED
                lines[note_id].append(edits.first_line(item.node))
        for note_id, numbers in sorted(lines.items()):
            self.notes.append(Observation(id=note_id, params={"count": len(numbers), "lines": numbers[:20]}))
        return frozenset().union(*lines.values())

    def select_harmless(self) -> None:
        """Select what can run beside the needed: constants, available imports, definitions whose headers can run."""
        needed_reads = {read.name for item in self.needed for read in item.reads if not read.is_hint}
        for item in self._part.all:
            if isinstance(item.node, Import):
                self._select_import(item, item.node, needed_reads)
            elif item.is_constant or isinstance(item.node, ast.Pass) or _is_docstring(item.node):
                self.running.add(item)
        if self._dropped_modules:
            first_line = min(self._dropped_modules.values())
            params = {"module": list(self._dropped_modules)[:_MODULE_LIMIT], "line": first_line}
            self.notes.append(Observation(id=IntakeFact.IMPORT_DROPPED, params=params))
        defined_names = set(self._part.predefined_names)
        for item in self._part.all:
            if item.only_defines and item not in self.running:
                header_reads = [read for read in item.reads if not (read.is_deferred or read.is_guarded)]
                if all(read.name in defined_names for read in header_reads):
                    self.running.add(item)
            if item in self.running:
                defined_names |= item.bound_names

    def _select_import(self, item: Statement, node: Import, needed_reads: set[str]) -> None:
        missing_modules: list[str] = []
        remaining_aliases: list[ast.alias] = []
        for alias in node.names:
            module = alias.name if isinstance(node, ast.Import) else imported_module(node)
            name = alias.asname or alias.name.split(".")[0]
            is_only_binder = len(self._part.binders.get(name, [])) == 1
            if is_available(module):
                remaining_aliases.append(alias)
            elif item in self.needed and name in needed_reads and is_only_binder:
                remaining_aliases.append(alias)
                params = {"module": module, "line": node.lineno, "name": name}
                self.notes.append(Observation(id=IntakeFact.MODULE_UNAVAILABLE, params=params))
            else:
                missing_modules.append(module)
                self._dropped_names |= {name} if is_only_binder else set()
        if remaining_aliases:
            self.running.add(item)
        else:
            self.running.discard(item)
        for module in missing_modules:
            self._dropped_modules.setdefault(module, node.lineno)
        if missing_modules and remaining_aliases:
            self.replacements[item] = ast.unparse(_with_names(node, remaining_aliases))

    def settings_notes(self, entry: str) -> tuple[Observation, ...]:
        """A note on the notebook's configuration, where needed statements read it and the part does not define it."""
        needed = [item for item in self._part.all if item in self.needed]
        lines = {read.name: read.line for item in needed for read in reversed(item.reads)}
        missing_lines = {
            name: line
            for name, line in lines.items()
            if name in SETTINGS & self._part.predefined_names and name not in self._part.bound_names
        }
        if not missing_lines:
            return ()
        found = settings.find([item.node for item in needed], frozenset(missing_lines), entry)
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

    def unresolved_reads(self) -> list[names.NameRead]:
        """Reads of selected statements that neither the part nor the prelude binds, in the order of the text."""
        selected = [item for item in self._part.all if item in self.running]
        reads = [
            read
            for item in selected
            for read in item.reads
            if (item in self.needed or not read.is_deferred) and not read.is_guarded
        ]
        if any("*" in item.bound_names for item in selected) or any(read.name in _READS_BY_TEXT for read in reads):
            return []
        bound_names = self._part.predefined_names | self._part.declared_globals
        bound_names |= self._part.bound_names - self._dropped_names
        return [read for read in reads if read.name not in bound_names]


def _decision_params(decisions: list[settings.Decision]) -> dict[str, Any]:
    names_read = [decision.setting for decision in decisions[:_DECISION_LIMIT]]
    return {"names": names_read, "line": decisions[0].line} if decisions else {}


def select(text: str, part: Statements, entry: str, conservative: bool = False) -> Selection:
    """Select what runs of a text with these statements when a question calls ``entry``.

    ``conservative``: of the statements that may change an object, only those that do so by assignment or by a method
    that certainly mutates.
    """
    selector = _Selector(part, conservative)
    selector.select_needed(entry)
    selector.select_harmless()
    dropped_changes = selector.note_dropped_changes()
    selector.notes += selector.settings_notes(entry)
    unresolved = selector.unresolved_reads()
    nodes = part.tree.body
    running = [item for item in part.all if item in selector.running]
    dropped = [item for item in part.all if item not in selector.running]
    source = edits.Source(text)
    changes = [
        source.blank(item.node, nodes[max(part.positions[item] - 1, 0) : part.positions[item] + 2]) for item in dropped
    ]
    changes += [source.replace(item.node, replacement) for item, replacement in selector.replacements.items()]
    hint_names = sorted({read.name for read in unresolved if read.is_hint})
    if hint_names and not part.postpones_hints:
        changes += source.without_hints([item.node for item in running], frozenset(hint_names))
        selector.notes.append(Observation(id=IntakeFact.HINTS_IGNORED, params={"names": hint_names}))
    missing_lines: dict[str, int] = {}
    for read in unresolved:
        if not read.is_hint:
            missing_lines.setdefault(read.name, read.line)
    lines = text.split("\n")
    return Selection(
        edits.move_future_imports(source.apply(changes)),
        tuple(_dropped_piece(item, lines) for item in dropped),
        tuple(selector.notes),
        tuple(MissingName(*item) for item in sorted(missing_lines.items(), key=lambda item: (item[1], item[0]))),
        dropped_changes,
        selector.is_speculative,
        frozenset(selector.needed_names),
    )


def _with_names(node: Import, aliases: list[ast.alias]) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import(names=aliases)
    return ast.ImportFrom(module=node.module, names=aliases, level=node.level)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _dropped_piece(statement: Statement, lines: list[str]) -> DroppedPiece:
    number = edits.first_line(statement.node) - 1
    return DroppedPiece.at(number, _drop_kind(statement), lines[number])


def _drop_kind(statement: Statement) -> DropKind:
    node = statement.node
    if statement.is_main:
        return DropKind.MAIN
    if isinstance(node, Import):
        return DropKind.IMPORT
    if isinstance(node, effects.Definition):
        return DropKind.DEFINITION
    if isinstance(node, _COMPOUND):
        return DropKind.LOOP
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete):
        return DropKind.ASSIGNMENT
    return DropKind.CALL
