"""Blockers: why a top-level statement cannot run here. It trains, or it needs data, a file or a package."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from grader.intake import effects, names

_TRAINING_CALL = re.compile(
    r"^(backward|step|zero_grad|fit|train_\w+|\w+_train|train|run_epoch|evaluate|validate|unscale_)$"
    r"|^tqdm$|^trange$",
)
_DATA_NAME = re.compile(r"loader$|data_?(set|folder|module)|imagefolder|(train|valid|test)_(set|data)", re.IGNORECASE)
_OUTSIDE_CALLS = frozenset({
    "open", "load", "save", "load_state_dict", "loadtxt", "genfromtxt", "fromfile", "memmap", "read_csv", "read_text",
    "listdir", "glob", "makedirs", "mkdir", "urlopen", "urlretrieve", "download", "load_state_dict_from_url", "input",
    "FileHandler", "SummaryWriter", "system", "Popen", "check_call", "check_output", "getpass", "mount",
})  # fmt: skip
"""Calls for files, the network, another process or a keyboard."""


class Blocker(StrEnum):
    """Why a statement does not run although the entry point may need its result, the strongest reason first."""

    TRAINING = "training"
    FILE = "file"
    MISSING_NAME = "missing_name"


class Blockers:
    """The blockers of the statements of one part.

    ``binders``: the statements that bind each name; ``predefined_names``: names of the prelude and of every module;
    ``unavailable_names``: names that imports of missing packages bind.
    """

    def __init__(
        self,
        statement_effects: effects.Effects,
        statements: Sequence[ast.stmt],
        binders: Mapping[str, Sequence[ast.stmt]],
        predefined_names: frozenset[str],
        unavailable_names: frozenset[str],
    ) -> None:
        self._effects = statement_effects
        self._binders = binders
        self._by_function: dict[effects.Function, Blocker | None] = {}
        self._depth = 0
        self._data_sets = {
            node.name
            for node in statements
            if isinstance(node, ast.ClassDef) and any(_DATA_NAME.search(ast.unparse(base)) for base in node.bases)
        }
        self._by_statement: dict[ast.stmt, Blocker] = {}
        readers: dict[str, list[ast.stmt]] = defaultdict(list)
        for statement in statements:
            if isinstance(statement, effects.Definition):
                continue
            reads = {
                read.name
                for read in names.name_reads(statement)
                if not (read.is_deferred or read.is_guarded or read.is_hint)
            }
            missing_names = {
                name for name in reads if name in unavailable_names or not (name in binders or name in predefined_names)
            }
            calls = [node for node in effects.running_nodes(statement) if isinstance(node, ast.Call)]
            blocker = _strongest(
                [self._of_call(call) for call in calls]
                + [Blocker.TRAINING if _DATA_NAME.search(name) else Blocker.MISSING_NAME for name in missing_names]
            )
            if blocker:
                self._by_statement[statement] = blocker
            for name in reads:
                readers[name].append(statement)
        self._propagate(readers)

    def of(self, statement: ast.stmt) -> Blocker | None:
        """Why the statement cannot run; ``None`` for one that can, and for every definition."""
        return self._by_statement.get(statement)

    def _propagate(self, readers: Mapping[str, Sequence[ast.stmt]]) -> None:
        """Block the statements that read a name which only blocked statements bind."""
        names_bound: dict[ast.stmt, list[str]] = defaultdict(list)
        for name, binders in self._binders.items():
            for binder in binders:
                names_bound[binder].append(name)
        open_binders = {name: set(binders) for name, binders in self._binders.items()}
        pending = list(self._by_statement)
        while pending:
            statement = pending.pop()
            for name in names_bound[statement]:
                remaining_binders = open_binders[name]
                remaining_binders.discard(statement)
                name_readers = readers.get(name, ())
                # A single binder left that reads the name too, as `loader = wrap(loader)`, reads the blocked value.
                last_binder = (
                    [binder for binder in remaining_binders if binder in name_readers]
                    if len(remaining_binders) == 1
                    else []
                )
                for reader in last_binder if remaining_binders else name_readers:
                    if reader not in self._by_statement:
                        self._by_statement[reader] = self._by_statement[statement]
                        pending.append(reader)

    def _of_call(self, call: ast.Call) -> Blocker | None:
        callee = call.func
        word = callee.attr if isinstance(callee, ast.Attribute) else callee.id if isinstance(callee, ast.Name) else ""
        if _DATA_NAME.search(word) or word in self._data_sets:
            return Blocker.TRAINING
        functions = self._effects.functions_called(call)
        if functions:
            return _strongest(self._of_function(function) for function in functions)
        if _TRAINING_CALL.search(word):
            return Blocker.TRAINING
        return Blocker.FILE if word in _OUTSIDE_CALLS else None

    def _of_function(self, function: effects.Function) -> Blocker | None:
        if function not in self._by_function and self._depth < effects.DEPTH_LIMIT:
            self._by_function[function] = None
            self._depth += 1
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            self._by_function[function] = _strongest([self._of_call(call) for call in calls])
            self._depth -= 1
        return self._by_function.get(function)


def _strongest(blockers: Iterable[Blocker | None]) -> Blocker | None:
    return min((blocker for blocker in blockers if blocker), key=list(Blocker).index, default=None)
