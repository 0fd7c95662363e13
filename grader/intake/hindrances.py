"""What keeps a top-level statement from running here: it trains, or it needs what is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from grader.intake import effects, names

_TRAINS = re.compile(
    r"^(backward|step|zero_grad|fit|train_\w+|\w+_train|train|run_epoch|evaluate|validate|unscale_)$"
    r"|dataloader|imagefolder|^tqdm$|^trange$",
    re.IGNORECASE,
)
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
    ABSENT = "absent"


class Hindrances:
    """Of the statements of one hand-in. ``binding``: who binds a name; ``known``: names of the prelude and builtins."""

    def __init__(
        self,
        found: effects.Effects,
        binding: Mapping[str, Sequence[ast.stmt]],
        known: frozenset[str],
        absent: frozenset[str],
    ) -> None:
        self._effects = found
        self._binding = binding
        self._known = known
        self._absent = absent
        self._of: dict[ast.AST, Hindrance | None] = {}

    def of(self, statement: ast.stmt) -> Hindrance | None:
        """The first thing that keeps the statement from running."""
        if statement not in self._of:
            self._of[statement] = None  # for what reads itself
            nodes = list(effects.running(statement))
            found = [self._of_call(node) for node in nodes if isinstance(node, ast.Call)]
            found += [self._of_name(read.name, statement) for read in names.reads(statement) if _is_plain(read)]
            self._of[statement] = _worst(found)
        return self._of[statement]

    def _of_call(self, call: ast.Call) -> Hindrance | None:
        own = self._effects.called(call)
        if own:
            return _worst([self._of_function(function) for function in own])
        called = call.func
        word = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        if _TRAINS.search(word):
            return Hindrance.TRAINING
        return Hindrance.ABSENT if word in _NEEDS else None

    def _of_function(self, function: effects.Function) -> Hindrance | None:
        if function not in self._of:
            self._of[function] = None
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            self._of[function] = _worst([self._of_call(call) for call in calls])
        return self._of[function]

    def _of_name(self, name: str, statement: ast.stmt) -> Hindrance | None:
        if name in self._absent:
            return Hindrance.ABSENT
        binding = self._binding.get(name, ())
        if not binding:
            return None if name in self._known else Hindrance.ABSENT
        if any(isinstance(node, effects.Definition) for node in binding):
            return None
        found = [self.of(node) for node in binding if node is not statement]
        return _worst(found) if found and all(found) else None


def _is_plain(read: names.Read) -> bool:
    return not (read.deferred or read.guarded or read.hint)


def _worst(found: list[Hindrance | None]) -> Hindrance | None:
    return min((one for one in found if one), key=list(Hindrance).index, default=None)
