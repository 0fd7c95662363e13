"""What keeps a top-level statement from running here: it trains, or it needs what is not there."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum

from grader.intake import effects, names

_TRAINS = re.compile(
    r"^(backward|step|zero_grad|fit|train_\w+|\w+_train|train|run_epoch|evaluate|validate|unscale_)$"
    r"|^tqdm$|^trange$",
)
_DATA = re.compile(r"loader$|data_?(set|folder|module)|imagefolder|(train|valid|test)_(set|data)", re.IGNORECASE)
_NEEDS = frozenset(
    {"open", "load", "save", "load_state_dict", "loadtxt", "genfromtxt", "fromfile", "memmap", "read_csv", "read_text"}
    | {
        "listdir",
        "glob",
        "makedirs",
        "mkdir",
        "urlopen",
        "urlretrieve",
        "download",
        "load_state_dict_from_url",
        "input",
    }
    | {"FileHandler", "SummaryWriter", "system", "Popen", "check_call", "check_output", "getpass", "mount"}
)
"""Calls for files, the network, another process or a keyboard."""


class Hindrance(StrEnum):
    """Why a statement is not run although the entry point may need what it does."""

    TRAINING = "training"
    FILE = "file"
    ABSENT = "absent"


class Hindrances:
    """Of the statements of one hand-in.

    ``binding``: who binds a name; ``known``: names of the prelude and builtins; ``absent``: of packages not here.
    """

    def __init__(
        self,
        found: effects.Effects,
        statements: Sequence[ast.stmt],
        binding: Mapping[str, Sequence[ast.stmt]],
        known: frozenset[str],
        absent: frozenset[str],
    ) -> None:
        self._effects = found
        self._functions: dict[effects.Function, Hindrance | None] = {}
        self._depth = 0
        self._data_sets = {
            node.name
            for node in statements
            if isinstance(node, ast.ClassDef) and any(_DATA.search(ast.unparse(one)) for one in node.bases)
        }
        self._of: dict[ast.stmt, Hindrance] = {}
        reading: dict[str, list[ast.stmt]] = defaultdict(list)
        waiting: list[ast.stmt] = []
        for statement in statements:
            if isinstance(statement, effects.Definition):
                continue
            reads = {read.name for read in names.reads(statement) if not (read.deferred or read.guarded or read.hint)}
            own = [self._of_call(node) for node in effects.running(statement) if isinstance(node, ast.Call)]
            missing = {name for name in reads if name in absent or not (name in binding or name in known)}
            own += [Hindrance.TRAINING if _DATA.search(name) else Hindrance.ABSENT for name in missing]
            hindrance = _worst(own)
            if hindrance:
                self._of[statement] = hindrance
                waiting.append(statement)
            for name in reads:
                reading[name].append(statement)
        self._hand_on(waiting, reading, binding)

    def of(self, statement: ast.stmt) -> Hindrance | None:
        """What keeps the statement from running; nothing does for a definition."""
        return self._of.get(statement)

    def _hand_on(
        self,
        waiting: list[ast.stmt],
        reading: Mapping[str, Sequence[ast.stmt]],
        binding: Mapping[str, Sequence[ast.stmt]],
    ) -> None:
        """Whoever reads a name that only hindered statements bind cannot run either."""
        bound: dict[ast.stmt, list[str]] = defaultdict(list)
        for name, binders in binding.items():
            for binder in binders:
                bound[binder].append(name)
        open_binders = {name: set(binders) for name, binders in binding.items()}
        while waiting:
            statement = waiting.pop()
            for name in bound[statement]:
                left = open_binders[name]
                left.discard(statement)
                # `loader = wrap(loader)` reads the earlier one.
                stuck = reading.get(name, ()) if not left else [one for one in left if len(left) == 1]
                for reader in stuck:
                    if reader not in self._of and (not left or reader in reading.get(name, ())):
                        self._of[reader] = self._of[statement]
                        waiting.append(reader)

    def _of_call(self, call: ast.Call) -> Hindrance | None:
        called = call.func
        word = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if _DATA.search(word) or word in self._data_sets:
            return Hindrance.TRAINING
        own = self._effects.called(call)
        if own:
            return _worst([self._of_function(function) for function in own])
        if _TRAINS.search(word):
            return Hindrance.TRAINING
        return Hindrance.FILE if word in _NEEDS else None

    def _of_function(self, function: effects.Function) -> Hindrance | None:
        if function not in self._functions and self._depth < effects.DEPTH:
            self._functions[function] = None
            self._depth += 1
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            self._functions[function] = _worst([self._of_call(call) for call in calls])
            self._depth -= 1
        return self._functions.get(function)


def _worst(found: list[Hindrance | None]) -> Hindrance | None:
    return min((one for one in found if one), key=list(Hindrance).index, default=None)
