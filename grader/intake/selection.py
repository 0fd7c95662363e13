"""What of a hand-in runs: the imports, definitions and values that its entry point needs. The rest is blanked.

Blanked, not removed: a line number in an error message is the line the student sees.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from grader.evidence import Note
from grader.intake import effects, names
from grader.intake.blockers import Hindrance, Hindrances
from grader.intake.result import DropKind, Dropped

AVAILABLE_MODULES = frozenset(sys.stdlib_module_names) | {"torch", "torchvision", "numpy", "PIL"}
"""Top-level modules that a hand-in may import."""
_NEEDS_MORE = ("torch.utils.tensorboard",)
"""Submodules of these that need a package which is not there."""
_SETTINGS = frozenset({"cfg", "config", "args"})
"""Names of the prelude whose every value reads as None."""
_LOOKS_UP_BY_TEXT = frozenset({"globals", "locals", "vars", "eval", "exec"})
_BINDS_BY_TEXT = frozenset({"globals", "locals", "exec"})
MODULE_NAMES = frozenset(dir(builtins)) | {
    "__name__", "__file__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__", "__annotations__",
}  # fmt: skip
"""Names that every module has."""
_Import = (ast.Import, ast.ImportFrom)
_Compound = (*effects.LOOPS, ast.If, ast.Try, ast.TryStar, ast.Match)


@dataclass(frozen=True)
class Selection:
    """The text that runs, what was left out, and the names that nothing in reach defines.

    ``left_out``: first lines of statements that may change what the entry point needs and do not run. ``is_bold``:
    statements run of which it is only assumed that they change it. ``needed_names``: what the entry point looks up,
    directly or through what it calls.
    """

    source: str
    dropped: tuple[Dropped, ...]
    notes: tuple[Note, ...]
    missing_names: tuple[tuple[str, int], ...]
    left_out: frozenset[int]
    is_bold: bool
    needed_names: frozenset[str]


@dataclass
class _Statement:
    node: ast.stmt
    binds: frozenset[str]
    reads: tuple[names.Read, ...]
    needed: bool = False
    kept: bool = False
    replacement: str | None = None
    """For an import that loses some of its names: what is left of it."""


@dataclass(frozen=True)
class _Edit:
    """Replace a piece of the source: byte offsets."""

    start: int
    end: int
    text: bytes


class _Picker:
    """Decides which statements run. Every look-up goes through an index: a hand-in may hold many thousands."""

    def __init__(self, nodes: list[ast.stmt], prelude_names: frozenset[str], cautious: bool) -> None:
        self.statements = [_Statement(node, names.binds(node), names.reads(node)) for node in nodes]
        self.notes: list[Note] = []
        self.is_bold = False
        self._cautious = cautious
        self._known = prelude_names | MODULE_NAMES
        self._binding: dict[str, list[_Statement]] = defaultdict(list)
        self._changing: dict[str, list[_Statement]] = defaultdict(list)
        self.needed_names: set[str] = set()
        others = [item for item in self.statements if not _is_main(item.node)]
        for item in others:
            for name in item.binds:
                self._binding[name].append(item)
        own = frozenset().union(*(item.binds for item in others if not isinstance(item.node, _Import)))
        absent = frozenset(name for item in others for name in _absent(item.node)) - own
        found = effects.Effects(nodes, own | (_SETTINGS & prelude_names), absent)
        binding = {name: [item.node for item in items] for name, items in self._binding.items()}
        self._hindrances = Hindrances(found, nodes, binding, self._known, absent)
        for item in others:
            is_definition = isinstance(item.node, effects.Definition)
            for name in found.registers(item.node) if is_definition else found.changes(item.node):
                self._changing[name].append(item)
        for name, item in _registered_subclasses(others):
            self._changing[name].append(item)
        self._changed_by_main = [
            (item, found.changes(item.node) | item.binds) for item in self.statements if _is_main(item.node)
        ]
        self._defined = {name for item in others if isinstance(item.node, effects.Definition) for name in item.binds}
        self._by_text = [
            item for item in others if _binds_by_text(item.node) and self._hindrances.of(item.node) is None
        ]
        self._took_by_text = False
        self._plainly_changed: dict[ast.stmt, frozenset[str]] = {}

    def mark_needed(self, entry: str, texts: frozenset[str]) -> None:
        """Close over what the entry point reads, directly and through what it calls.

        ``texts`` are the hand-in's strings: a name that is looked up by its text is one of them.
        """
        waiting = [entry]
        while waiting:
            name = waiting.pop()
            if name in self.needed_names:
                continue
            self.needed_names.add(name)
            for statement in self._providers(name):
                if not statement.needed:
                    statement.needed = statement.kept = True
                    waiting += [read.name for read in statement.reads]
                    if any(read.name in _LOOKS_UP_BY_TEXT - {"vars"} for read in statement.reads):
                        waiting += sorted(texts & self._defined)

    def _providers(self, name: str) -> list[_Statement]:
        """The statements that give a name its value, or change it in place."""
        binding = self._binding[name]
        if not binding and name not in self._known:
            binding = [] if self._took_by_text else self._by_text
            self._took_by_text = True
        plain = [item for item in binding if self._is_plain(item)]
        return (plain or binding) + [item for item in self._changing[name] if self._may_change(item, name)]

    def _is_plain(self, item: _Statement) -> bool:
        """No loop, or one that only computes."""
        return not isinstance(item.node, effects.LOOPS) or self._hindrances.of(item.node) is None

    def _may_change(self, item: _Statement, name: str) -> bool:
        """Whether a statement that changes what the name stands for runs. ``cautious``: only where it plainly does."""
        if isinstance(item.node, effects.Definition):
            return True
        if item.node not in self._plainly_changed:
            self._plainly_changed[item.node] = effects.plainly_changed(item.node)
        is_plain = name in self._plainly_changed[item.node]
        if self._cautious and not is_plain:
            return False
        hindrance = self._hindrances.of(item.node)
        if is_plain and not isinstance(item.node, _Compound):
            return hindrance in (None, Hindrance.ABSENT)  # what is absent is told by name
        self.is_bold = self.is_bold or (hindrance is None and not is_plain)
        return hindrance is None

    def tell_left_out(self) -> frozenset[int]:
        """First lines of the statements that do not run although they may change what the entry point needs."""
        touching = {id(item) for name in self.needed_names for item in self._changing[name]}
        touching |= {id(item) for item, changed in self._changed_by_main if changed & self.needed_names}
        lines: dict[str, list[int]] = defaultdict(list)
        for item in self.statements:
            if item.kept or isinstance(item.node, _Import):
                continue
            if not _is_main(item.node) and item.binds & self.needed_names:
                lines["intake.change_dropped"].append(_first_line(item.node))
            elif id(item) in touching:
                trains = _is_main(item.node) or self._hindrances.of(item.node) is Hindrance.TRAINING
                lines["intake.training_dropped" if trains else "intake.change_dropped"].append(_first_line(item.node))
        self.notes += [Note(id=key, params={"count": len(at), "lines": at[:20]}) for key, at in sorted(lines.items())]
        return frozenset().union(*lines.values())

    def keep_the_harmless(self) -> None:
        """Keep what can run beside the needed: constants, known imports, definitions whose headers are defined."""
        read_by_needed = {read.name for item in self.statements if item.needed for read in item.reads}
        for item in self.statements:
            if isinstance(item.node, ast.Import | ast.ImportFrom):
                self._choose_import(item, item.node, read_by_needed)
            elif isinstance(item.node, ast.Assign | ast.AnnAssign):
                item.kept = item.kept or (item.node.value is not None and _is_constant(item.node.value))
            elif isinstance(item.node, ast.Pass) or _is_docstring(item.node):
                item.kept = True
        known = set(self._known)
        for item in self.statements:
            if isinstance(item.node, effects.Definition) and not item.kept and effects.only_defines(item.node):
                item.kept = all(read.name in known for read in item.reads if not (read.deferred or read.guarded))
            if item.kept:
                known |= item.binds

    def _choose_import(self, item: _Statement, node: ast.Import | ast.ImportFrom, read_by_needed: set[str]) -> None:
        gone: list[str] = []
        left: list[ast.alias] = []
        for alias in node.names:
            module = alias.name if isinstance(node, ast.Import) else "." * node.level + (node.module or "")
            name = alias.asname or alias.name.split(".")[0]
            if _available(module):
                left.append(alias)
            elif item.needed and name in read_by_needed and len(self._binding[name]) == 1:
                left.append(alias)
                params = {"module": module, "line": node.lineno, "name": name}
                self.notes.append(Note(id="intake.module_unavailable", params=params))
            else:
                gone.append(module)
        item.kept = bool(left)
        if gone:
            self.notes.append(Note(id="intake.import_dropped", params={"module": gone[0], "line": node.lineno}))
        if gone and left:
            item.replacement = ast.unparse(_with_names(node, left))

    def unknown_settings(self) -> tuple[Note, ...]:
        """The notebook's configuration, where needed statements read it and the hand-in does not bring it along."""
        given = frozenset().union(*(item.binds for item in self.statements))
        read = {read.name: read.line for item in self.statements if item.needed for read in reversed(item.reads)}
        absent = {name: line for name, line in read.items() if name in _SETTINGS & self._known and name not in given}
        if not absent:
            return ()
        return (Note(id="intake.settings_missing", params={"names": sorted(absent), "line": min(absent.values())}),)

    def unresolved(self, declared: frozenset[str]) -> list[names.Read]:
        """Reads of kept statements that nothing in the hand-in or the prelude binds, in the order of the text."""
        kept = [item for item in self.statements if item.kept]
        found = [
            read for item in kept for read in item.reads if (item.needed or not read.deferred) and not read.guarded
        ]
        if any("*" in item.binds for item in kept) or any(read.name in _LOOKS_UP_BY_TEXT for read in found):
            return []
        bound = self._known.union(declared, *(item.binds for item in self.statements))
        return [read for read in found if read.name not in bound]


def select(text: str, tree: ast.Module, entry: str, prelude_names: frozenset[str], cautious: bool = False) -> Selection:
    """Choose what of a parsed hand-in runs when ``entry`` is asked for.

    ``cautious``: of what changes an object only that which does so by assignment or by filling it.
    """
    picker = _Picker(tree.body, prelude_names, cautious)
    picker.mark_needed(entry, _texts(tree))
    picker.keep_the_harmless()
    left_out = picker.tell_left_out()
    picker.notes += picker.unknown_settings()
    unresolved = picker.unresolved(names.declared_globals(tree))
    offsets = _Offsets(text)
    edits = [
        _drop(item.node, picker.statements[max(position - 1, 0) : position + 2], offsets)
        for position, item in enumerate(picker.statements)
        if not item.kept
    ]
    edits += [
        _Edit(*offsets.span(item.node), item.replacement.encode())
        for item in picker.statements
        if item.kept and item.replacement
    ]
    hint_names = sorted({read.name for read in unresolved if read.hint})
    if hint_names and not _hints_are_text(tree):
        kept = [item.node for item in picker.statements if item.kept]
        edits += _without_hints(kept, frozenset(hint_names), offsets)
        picker.notes.append(Note(id="intake.hints_ignored", params={"names": hint_names}))
    missing: dict[str, int] = {}
    for read in unresolved:
        if not read.hint:
            missing.setdefault(read.name, read.line)
    lines = text.split("\n")
    dropped = tuple(
        Dropped(_first_line(item.node), _kind(item.node), lines[_first_line(item.node) - 1].strip()[:120])
        for item in picker.statements
        if not item.kept
    )
    return Selection(
        _future_first(offsets.apply(edits)),
        dropped,
        tuple(picker.notes),
        tuple(sorted(missing.items(), key=_by_line)),
        left_out,
        picker.is_bold,
        frozenset(picker.needed_names),
    )


def _by_line(item: tuple[str, int]) -> tuple[int, str]:
    return item[1], item[0]


def _is_main(node: ast.stmt) -> bool:
    """``if __name__ == "__main__":``"""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and any(isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))
    )


def _texts(tree: ast.Module) -> frozenset[str]:
    return frozenset(
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _binds_by_text(node: ast.stmt) -> bool:
    """``globals().update(settings)``"""
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in _BINDS_BY_TEXT
        for part in effects.running(node)
    )


def _registered_subclasses(items: list[_Statement]) -> Iterator[tuple[str, _Statement]]:
    """Classes with each ancestor that hears of them: by ``__init_subclass__``, a metaclass or ``__subclasses__``."""
    asked = any(isinstance(p, ast.Attribute) and p.attr == "__subclasses__" for i in items for p in ast.walk(i.node))
    ancestors: dict[str, frozenset[str]] = {}
    for item in items:
        if not isinstance(item.node, ast.ClassDef):
            continue
        above = frozenset().union(*(ancestors.get(effects.root(base), frozenset()) for base in item.node.bases))
        hears = asked or any(keyword.arg == "metaclass" for keyword in item.node.keywords)
        hears = hears or any(getattr(inner, "name", "") == "__init_subclass__" for inner in item.node.body)
        ancestors[item.node.name] = above | ({item.node.name} if hears else set())
        yield from ((name, item) for name in above)


def _absent(node: ast.stmt) -> list[str]:
    """Names that an import binds to what is not here."""
    if isinstance(node, ast.Import):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names if not _available(alias.name)]
    if isinstance(node, ast.ImportFrom) and not _available("." * node.level + (node.module or "")):
        return [alias.asname or alias.name for alias in node.names]
    return []


def _with_names(node: ast.Import | ast.ImportFrom, left: list[ast.alias]) -> ast.stmt:
    if isinstance(node, ast.Import):
        return ast.Import(names=left)
    return ast.ImportFrom(module=node.module, names=left, level=node.level)


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_constant(node: ast.expr) -> bool:
    allowed = (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Set, ast.UnaryOp, ast.Load, ast.unaryop)
    return all(isinstance(part, allowed) for part in ast.walk(node))


def _available(module: str) -> bool:
    return module.split(".")[0] in AVAILABLE_MODULES and not module.startswith(_NEEDS_MORE)


def _kind(node: ast.stmt) -> DropKind:
    if _is_main(node):
        return DropKind.MAIN
    if isinstance(node, ast.Import | ast.ImportFrom):
        return DropKind.IMPORT
    if isinstance(node, effects.Definition):
        return DropKind.DEFINITION
    if isinstance(node, _Compound):
        return DropKind.LOOP
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete):
        return DropKind.ASSIGNMENT
    return DropKind.CALL


def _first_line(node: ast.stmt) -> int:
    decorators: Iterable[ast.expr] = node.decorator_list if isinstance(node, effects.Definition) else ()
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


class _Offsets:
    """Positions of the syntax tree (line, UTF-8 column) as byte offsets of the whole text."""

    def __init__(self, text: str) -> None:
        self._data = text.encode()
        self._starts = [0]
        for line in self._data.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)

    def at(self, line: int, column: int) -> int:
        return self._starts[line - 1] + column

    def span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        end = self.at(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)
        return self.at(node.lineno, node.col_offset), end

    def lines(self, first: int, last: int) -> tuple[int, int]:
        """The span of whole lines, without the last newline."""
        return self._starts[first - 1], self._starts[last] - 1

    def text(self, start: int, end: int) -> bytes:
        return self._data[start:end]

    def apply(self, edits: list[_Edit]) -> str:
        pieces: list[bytes] = []
        position = 0
        for edit in sorted(edits, key=lambda edit: edit.start):
            pieces += [self._data[position : edit.start], edit.text]
            position = edit.end
        return b"".join([*pieces, self._data[position:]]).decode()


def _drop(node: ast.stmt, neighbours: list[_Statement], offsets: _Offsets) -> _Edit:
    first, last = _first_line(node), node.end_lineno or node.lineno
    shared = any(
        other.node is not node and _first_line(other.node) <= last and first <= (other.node.end_lineno or 0)
        for other in neighbours
    )
    start, end = offsets.span(node) if shared else offsets.lines(first, last)
    blank = b"\n" * offsets.text(start, end).count(b"\n")
    # On a line that it shares (`import x; y = 1`) a statement leaves another behind, or the semicolon would not parse.
    # Its own line breaks can only have stood inside brackets or a string.
    return _Edit(start, end, b"(0" + blank + b")" if shared else blank)


def _hints_are_text(tree: ast.Module) -> bool:
    """``from __future__ import annotations``: Python then evaluates none."""
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == "__future__"
        and any(a.name == "annotations" for a in node.names)
        for node in tree.body
    )


def _without_hints(nodes: list[ast.stmt], unknown: frozenset[str], offsets: _Offsets) -> list[_Edit]:
    """Replace annotations that read an unknown name by ``None``."""
    edits = []
    for node in nodes:
        for inner in ast.walk(node):
            hint = (
                inner.returns
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
                else inner.annotation
                if isinstance(inner, ast.arg | ast.AnnAssign)
                else None
            )
            if hint is None or not any(isinstance(part, ast.Name) and part.id in unknown for part in ast.walk(hint)):
                continue
            start, end = offsets.span(hint)
            breaks = b"\n" * offsets.text(start, end).count(b"\n")
            edits.append(_Edit(start, end, b"(None" + breaks + b")" if breaks else b"None"))
    return edits


def _future_first(text: str) -> str:
    """Move ``from __future__`` imports of later notebook cells to the first line, where Python wants them."""
    lines = text.split("\n")
    late = [n for n, line in enumerate(lines) if line.startswith("from __future__ import ")]
    if not late or (lines[0].strip() and not lines[0].startswith("#")):
        return text
    moved = "; ".join(lines[n] for n in late)
    for n in late:
        lines[n] = ""
    lines[0] = moved
    return "\n".join(lines)
