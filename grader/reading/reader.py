"""Reads uploads in children with limits, on the trusted side.

Each reading is a fork of a light fork server, locked down like every child of the sandbox. A reading that does not end
within the limits is the upload's fault: it ends as an `Overrun`, and all other parts are still read.
"""

from __future__ import annotations

import atexit
import logging
import math
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from grader.evidence import Evidence, Outcome, Overrun
from grader.intake import EntryKind, IntakeResult
from grader.part_outputs import Finding
from grader.parts import PartDefinition, PartKind
from grader.reading import packing
from grader.sandbox import policy as policies
from grader.sandbox.child import LockedChild
from grader.sandbox.control_groups import ControlGroups, NotDelegated
from grader.sandbox.frames import Array
from grader.sandbox.policy import Limits
from grader.sandbox.replies import Reply
from grader.sandbox.supervisor import Sandbox
from grader.submission import Part, Repair

if TYPE_CHECKING:
    from grader.assignment import Question
    from grader.check import AnyCheck

EvidenceT = TypeVar("EvidenceT", bound=Evidence)
_log = logging.getLogger(__name__)
_sandboxes: dict[int, _ReadingSandbox] = {}
"""Those that have started, by process: a fork of this process needs its own."""
_launched: dict[int, _ReadingSandbox] = {}
"""Those that are warming up."""
_start = threading.Lock()


class ReadingFailed(Exception):
    """A parser of ours raised an error, which is the grader's fault. The message is its traceback."""


class _ReadingSandbox(Sandbox):
    """A sandbox whose children read uploads. One thread of our own code needs no control group."""

    module = "grader.reading.server"

    def _find_groups(self) -> ControlGroups | NotDelegated:
        return NotDelegated("children that read uploads have none")


def launch() -> None:
    """Let the sandbox of this process warm up while the caller does something else. Raises `InfrastructureFault`."""
    with _start:
        if os.getpid() not in _sandboxes and os.getpid() not in _launched:
            sandbox = _make_sandbox()
            sandbox.launch()
            _launched[os.getpid()] = sandbox


def sandbox() -> Sandbox:
    """The sandbox of this process, started at its first use. Raises `InfrastructureFault` or `FloorNotMet`."""
    with _start:
        sandbox = _sandboxes.get(os.getpid())
        if sandbox is None:
            sandbox = _launched.pop(os.getpid(), None) or _make_sandbox()
            sandbox.start()
            _sandboxes[os.getpid()] = sandbox
        return sandbox


def _make_sandbox() -> _ReadingSandbox:
    policy = policies.from_environment()
    # A fork takes milliseconds, and previews are rare: no spare child waits.
    server = policy.server.model_copy(update={"spare_kinds": 0})
    sandbox = _ReadingSandbox(policy.model_copy(update={"limits": limits(), "server": server}))
    atexit.register(sandbox.close)
    return sandbox


def limits() -> Limits:
    """The limits of one reading."""
    policy = policies.default()
    return policy.limits.override(policy.reading)


@contextmanager
def open_child(
    is_cancelled: Callable[[], bool] = lambda: False, wall_seconds: float = math.inf
) -> Iterator[LockedChild]:
    """A child for one reading, with no more wall time than ``wall_seconds``. Raises as `sandbox` does."""
    with sandbox().child(limits(), is_cancelled, role="read") as child:
        child.shorten(max(0.0, wall_seconds))
        yield child


@dataclass(frozen=True)
class Reading(Generic[EvidenceT]):
    """What a check reads of the parts of a question: evidence, and the picture of it that is safe to show."""

    evidence: EvidenceT
    picture: bytes | None = None


@dataclass(frozen=True)
class EntryPoint:
    """A function or class that a question calls, with the names of its own parts of code and of all others."""

    own: tuple[str, ...]
    others: tuple[str, ...]
    name: str
    kind: EntryKind = EntryKind.FUNCTION


@dataclass(frozen=True)
class CodeReading:
    """What intake read for an entry point: the part, the text that runs, and whether it defines the entry point.

    ``part`` is ``None`` if no part of its own was submitted and no other defines it.
    """

    part: str | None
    result: IntakeResult
    has_entry: bool = False


class Reader:
    """Reads the parts of one submission. ``open_child`` opens a child that reads."""

    def __init__(self, open_child: Callable[[], AbstractContextManager[LockedChild]]) -> None:
        self._open_child = open_child

    def read_code(
        self,
        parts: Mapping[str, Part],
        entry_points: Sequence[EntryPoint],
        prelude_names: Collection[str],
        repair: Repair,
    ) -> list[CodeReading]:
        """Find and read the part of each entry point, as `grader.intake.find_part` and `PartReader` do.

        One child reads all parts. Only if it ends early, each part is read alone, so that one does not cost the others.
        """
        named = {name for entry in entry_points for name in (*entry.own, *entry.others)}
        code = {name: part for name, part in parts.items() if name in named}
        if not code:
            return [CodeReading(None, IntakeResult()) for _ in entry_points]
        readings = self._read_code(code, entry_points, prelude_names, repair)
        if not isinstance(readings, Overrun):
            return readings
        if len(code) == 1:
            return [_overrun_reading(entry, code, readings) for entry in entry_points]
        alone: dict[EntryPoint, CodeReading] = {}
        for name, part in code.items():
            own = [entry for entry in entry_points if next((n for n in entry.own if n in code), None) == name]
            of_part = self._read_code({name: part}, own, prelude_names, repair) if own else []
            if isinstance(of_part, Overrun):
                of_part = [_overrun_reading(entry, code, of_part) for entry in own]
            alone.update(zip(own, of_part, strict=True))
        return [alone.get(entry) or CodeReading(None, IntakeResult()) for entry in entry_points]

    def _read_code(
        self,
        parts: Mapping[str, Part],
        entry_points: Sequence[EntryPoint],
        prelude_names: Collection[str],
        repair: Repair,
    ) -> list[CodeReading] | Overrun:
        entries = [{"own": e.own, "others": e.others, "name": e.name, "kind": e.kind.name} for e in entry_points]
        meta = {"names": list(parts), "entries": entries, "prelude": sorted(prelude_names), "repair": repair}
        reply = self._request("code", meta, [packing.pack_bytes(part.data) for part in parts.values()])
        if isinstance(reply, Overrun):
            return reply
        results = packing.unpack_code(reply.arrays[0])
        rows = zip(reply.meta["parts"], results, reply.meta["has_entry"], strict=True)
        return [CodeReading(part, result, has_entry is True) for part, result, has_entry in rows]

    def find_outputs(self, definitions: Sequence[PartDefinition], parts: Mapping[str, Part]) -> tuple[Finding, ...]:
        """As `grader.part_outputs.find`; nothing if the notebooks cannot be read within the limits."""
        notebooks = [part for part in definitions if part.kind is PartKind.CODE and part.name in parts]
        if not notebooks or not any(part.outputs for part in definitions if part.name not in parts):
            return ()
        # The names of all parts say which are still wanted; only code is read.
        sent = {name: part.data if name in {code.name for code in notebooks} else b"" for name, part in parts.items()}
        head = packing.pack([part.model_dump(mode="json") for part in definitions])
        reply = self._request("outputs", {"names": list(sent)}, [head, *map(packing.pack_bytes, sent.values())])
        if isinstance(reply, Overrun):
            return ()
        found = packing.unpack_findings(reply.arrays[0])
        return tuple(replace(one, notebook_file=parts[one.notebook].filename or one.notebook) for one in found)

    def read(
        self, check: AnyCheck, question: Question, parts: Mapping[PartKind, Part], others: Collection[Evidence] = ()
    ) -> Reading[Any] | None:
        """As `grader.check.Check.read`; ``None`` without parts too. Weights are opened by a measuring child only."""
        if not type(check).__module__.startswith("grader.checks."):
            # The fork server does not know a kind from outside the package.
            return check.read(question, parts, others)
        read_parts = {kind: part for kind, part in parts.items() if kind is not PartKind.WEIGHTS}
        if not read_parts:
            return None
        head = [question.model_dump(mode="json"), [other.model_dump(mode="json") for other in others]]
        arrays = [*map(packing.pack, head), *(packing.pack_bytes(part.data) for part in read_parts.values())]
        reply = self._request("check", {"kinds": [str(kind) for kind in read_parts]}, arrays)
        if isinstance(reply, Overrun):
            return Reading(check.evidence_type(overrun=reply))
        if not reply.arrays:
            return None
        picture = reply.arrays[1].tobytes() if len(reply.arrays) > 1 else None
        return Reading(check.evidence_type.model_validate(packing.unpack(reply.arrays[0])), picture)

    def _request(self, op: str, meta: dict[str, Any], arrays: Sequence[Array]) -> Reply | Overrun:
        with self._open_child() as child:
            reply = child.request(op, meta, arrays)
        if reply.outcome is Outcome.OK:
            return reply
        if reply.outcome is Outcome.ERROR and reply.error is not None and reply.error.type != "TooManyThreads":
            raise ReadingFailed(reply.error.traceback)
        _log.warning("an upload could not be read (%s): %s %s", op, reply.outcome, reply.limit or reply.error)
        if reply.outcome in (Outcome.TIMEOUT, Outcome.MEMORY):
            return Overrun(outcome=reply.outcome, limit=reply.limit)
        return Overrun(outcome=Outcome.DIED, signal=reply.error.signal if reply.error else None)


def _overrun_reading(entry: EntryPoint, parts: Mapping[str, Part], overrun: Overrun) -> CodeReading:
    own = next((name for name in entry.own if name in parts), None)
    return CodeReading(own, IntakeResult(overrun=overrun))
