"""The author's child: draws cases, answers them with the reference and the known mistakes, judges by property.

No student's code ever enters it; a student's answers reach it as data.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from grader.checks.function import values
from grader.checks.function.values import NONE, Value, Writer
from grader.evidence import Outcome, StudentError
from grader.sandbox import claims
from grader.sandbox.replies import Array, Child, Reply

MAX_CASES = 200
MAX_BYTES = 64 << 20
"""Most bytes of tensors in the cases of one draw, and in one function's answers to them."""


_P = ParamSpec("_P")
_T = TypeVar("_T")


class AuthorFault(Exception):
    """A file of the assignment is wrong: the grader's fault, never the student's."""


@dataclass(frozen=True)
class Case:
    """One call: its ``kind``, the ``inputs`` by the reference's parameters, and the seed of the random generators."""

    kind: str
    inputs: Mapping[str, Value]
    seed: int


@dataclass(frozen=True)
class Answer:
    """What a call gave: its ``result``, and its mutable ``arguments`` afterwards; or the ``error`` that it raised."""

    result: Value = NONE
    arguments: Mapping[str, Value] | None = None
    error: StudentError | None = None


def _alone(method: Callable[Concatenate[Author, _P], _T]) -> Callable[Concatenate[Author, _P], _T]:
    """A method during which no other question uses the child."""

    @wraps(method)
    def run(self: Author, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with self._lock:
            return method(self, *args, **kwargs)

    return run


class Author:
    """The author's files of one function question, loaded on demand into a child that holds nothing else."""

    def __init__(self, child: Child, prelude: str, folder: str, lock: threading.RLock | None = None) -> None:
        """``lock`` is that of a child which the files of several questions share."""
        self._child = child
        self._lock = lock or threading.RLock()
        self._prelude = prelude
        self._folder = folder
        self._defines: dict[str, tuple[str, ...]] = {}

    @_alone
    def load(self, name: str, source: str) -> tuple[str, ...]:
        """Run a file once, under its name in the folder; returns the names that it defines."""
        if name not in self._defines:
            # Errors name the file; a name with a slash would read as one of the library's.
            filename = f"{self._folder}/{name}".replace("/", ":")
            request = {"module": f"{self._folder}/{name}", "source": source, "prelude": self._prelude}
            reply = self._ask("author.load", request | {"filename": filename}, name=name)
            self._defines[name] = claims.texts(reply.meta.get("defines"), 500)
        return self._defines[name]

    @_alone
    def draw(self, source: str, seed: int) -> tuple[Case, ...]:
        """The cases that ``cases.py`` yields for a seed; the i-th call is seeded with ``seed + i``."""
        if "cases" not in self.load("cases.py", source):
            raise AuthorFault(f"{self._folder}/cases.py defines no function cases(rng)")
        module = {"module": f"{self._folder}/cases.py"}
        count = claims.whole(self._ask("author.draw", {**module, "seed": seed}, name="cases.py").meta.get("cases"))
        if not count or count > MAX_CASES:
            raise AuthorFault(f"{self._folder}/cases.py yields {count or 'no'} cases; 1 to {MAX_CASES} are needed")
        cases: list[Case] = []
        size = 0
        while len(cases) < count:
            reply = self._ask("author.cases", {"from": len(cases)}, name="cases.py")
            size = self._add_size(size, reply, "cases.py")
            cases += self._read_cases(reply, count - len(cases), seed + len(cases))
        return tuple(cases)

    def _read_cases(self, reply: Reply, most: int, seed: int) -> list[Case]:
        """The cases of a frame, of which the first has this seed."""
        answered = reply.meta.get("cases")
        if not isinstance(answered, list) or not 0 < len(answered) <= most:
            raise AuthorFault(f"{self._folder}/cases.py gives no cases")
        cases: list[Case] = []
        arrays = reply.arrays
        for one in answered:
            fields = one if isinstance(one, dict) else {}
            kind, count = claims.text(fields.get("kind"), 100), claims.whole(fields.get("arrays")) or 0
            inputs = self._read_all(fields.get("inputs"), arrays[:count], "cases.py")
            arrays = arrays[count:]
            for name, value in inputs.items():
                if value.kind == "other":
                    what = f"the input {name} of the case {kind!r} is no value that can be passed"
                    raise AuthorFault(f"{self._folder}/cases.py: {what}: {values.show(value)}")
            cases.append(Case(kind, inputs, seed + len(cases)))
        return cases

    @_alone
    def answers(self, name: str, source: str, entry: str, cases: Sequence[Case], *, strict: bool) -> tuple[Answer, ...]:
        """What a function of a file answers to the cases; ``strict``: an exception is the author's fault."""
        if entry not in self.load(name, source):
            raise AuthorFault(f"{self._folder}/{name} defines no {entry}")
        answers = []
        size = 0
        for case in cases:
            writer = Writer()
            kwargs = {parameter: writer.node(value) for parameter, value in case.inputs.items()}
            meta = {"module": f"{self._folder}/{name}", "entry": entry, "args": [], "kwargs": kwargs, "seed": case.seed}
            reply = self._child.request("author.call", meta, writer.arrays)
            if strict or reply.outcome is not Outcome.ERROR:
                self._check(reply, f"{name} on the case {case.kind!r}")
            answers.append(self._answer(reply, name))
            size = self._add_size(size, reply, name)
        return tuple(answers)

    @_alone
    def refusal(self, source: str, aspect: str, case: Case, answer: Answer) -> Mapping[str, str] | bool | None:
        """Why the property refuses an answer, by language; ``None`` if it accepts it, ``False`` if it does not judge.

        ``property.py`` judges with ``accepts(inputs, output)``, or an aspect alone with ``accepts_result`` or
        ``accepts_arguments``.
        """
        defines = self.load("property.py", source)
        entry = next((name for name in (f"accepts_{aspect}", "accepts") if name in defines), None)
        if entry is None:
            return False
        writer = Writer()
        inputs = {"kind": "dict", "keys": [*case.inputs], "items": [writer.node(v) for v in case.inputs.values()]}
        after = {**case.inputs, **(answer.arguments or {})}
        arguments = {"kind": "dict", "keys": [*after], "items": [writer.node(value) for value in after.values()]}
        meta = {"module": f"{self._folder}/property.py", "entry": entry, "inputs": inputs, "arguments": arguments}
        meta["result"] = writer.node(answer.result)
        message = self._ask("author.accepts", meta, writer.arrays, "property.py").meta.get("message")
        if message is None:
            return None
        if not isinstance(message, dict):
            raise AuthorFault(f"{self._folder}/property.py gives no text")
        return {claims.text(language, 20): claims.text(text, 500) for language, text in message.items()}

    def _answer(self, reply: Reply, name: str) -> Answer:
        if reply.outcome is Outcome.ERROR:
            return Answer(error=reply.error)
        after = self._read_all(reply.meta.get("kwargs"), reply.arrays, name)
        mutable = {key: value for key, value in after.items() if value.is_mutable}
        return Answer(self._read(reply.meta.get("result"), reply.arrays, name), mutable)

    def _add_size(self, size: int, reply: Reply, name: str) -> int:
        """The bytes of the arrays so far. Raises `AuthorFault` for more than a worker keeps."""
        size += sum(array.nbytes for array in reply.arrays)
        if size > MAX_BYTES:
            raise AuthorFault(f"{self._folder}/{name}: the tensors have more than {MAX_BYTES >> 20} MiB together")
        return size

    def _read_all(self, nodes: object, arrays: Sequence[Array], name: str) -> dict[str, Value]:
        if not isinstance(nodes, dict):
            raise AuthorFault(f"{self._folder}/{name} gives no values by parameter")
        return {claims.text(key): self._read(node, arrays, name) for key, node in nodes.items()}

    def _read(self, node: Any, arrays: Sequence[Array], name: str) -> Value:
        try:
            return values.read(node, arrays)
        except values.NotAValue as error:
            raise AuthorFault(f"{self._folder}/{name} gives no value that can be compared") from error

    def _ask(self, op: str, meta: dict[str, Any], arrays: Sequence[Any] = (), name: str = "") -> Reply:
        reply = self._child.request(op, meta, arrays)
        self._check(reply, name)
        return reply

    def _check(self, reply: Reply, what: str) -> None:
        if reply.outcome is Outcome.OK:
            return
        error = reply.error
        if error is None:
            raise AuthorFault(f"{self._folder}/{what}: {_ending(reply)}")
        line = f", line {error.line}" if error.line else ""
        raise AuthorFault(f"{self._folder}/{what}{line}: {error.type}: {error.message}")


def _ending(reply: Reply) -> str:
    """How a child ended that raised nothing, such as ``timeout (processor time 10 s)``."""
    limit = reply.limit
    return str(reply.outcome) if limit is None else f"{reply.outcome} ({limit.limit}: {limit.allowed:g} {limit.unit})"
