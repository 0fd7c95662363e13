"""The calls of a student's function on all cases in drawn order, some of them twice, and what they gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grader.checks.function import author as author_side
from grader.checks.function import values
from grader.checks.function.author import Answer, Case
from grader.checks.function.binding import Binding
from grader.checks.function.values import NONE, Tolerance, Value, Writer
from grader.evidence import Outcome, StudentError
from grader.sandbox.replies import Child, Reply

REPEATS = 3
"""How many calls are made a second time."""

MAX_BYTES = 4 * author_side.MAX_BYTES
"""Most bytes of tensors in all answers of a function; later ones are not read."""
_UNREADABLE = Answer(Value("other", type="unreadable"), {})


@dataclass(frozen=True)
class Ended:
    """A call after which there is nothing to judge: how it ended, and its case."""

    reply: Reply
    case: Case


@dataclass(frozen=True)
class Calls:
    """The answers by case, whether repeated calls gave the same, and the call that ended the child, if one did."""

    answers: tuple[Answer, ...] = ()
    repeatable: bool = True
    failure: Ended | None = None


def call_all(child: Child, entry: str, bound: Binding, cases: Sequence[Case], rng: np.random.Generator) -> Calls:
    """Call the function on all cases in drawn order, on some of them twice."""
    order = [*range(len(cases)), *rng.choice(len(cases), min(REPEATS, len(cases)), replace=False).tolist()]
    answers: dict[int, Answer] = {}
    repeatable = True
    size = 0
    for index in rng.permutation(order).tolist():
        reply = _call(child, entry, bound, cases[index])
        if reply.outcome not in (Outcome.OK, Outcome.ERROR):
            return Calls(failure=Ended(reply, cases[index]))
        size += sum(array.nbytes for array in reply.arrays)
        answer = _read(reply, bound, cases[index]) if size <= MAX_BYTES else _UNREADABLE
        first = answers.setdefault(index, answer)
        repeatable = repeatable and _same(first, answer)
    return Calls(tuple(answers[index] for index in range(len(cases))), repeatable)


def _call(child: Child, entry: str, bound: Binding, case: Case) -> Reply:
    """Call the student's function; an argument that this case leaves out keeps its default."""
    writer = Writer()
    args = [writer.node(case.inputs[name]) for name in bound.args if name in case.inputs]
    keywords = {key: name for key, name in (bound.kwargs or {}).items() if name in case.inputs}
    kwargs = {key: writer.node(case.inputs[name]) for key, name in keywords.items()}
    meta = {"entry": entry, "args": args, "kwargs": kwargs, "seed": case.seed}
    return child.request("function.call", meta, writer.arrays)


def _read(reply: Reply, bound: Binding, case: Case) -> Answer:
    """The answer in a reply that is ``ok`` or ``error``, with the arguments by the reference's names."""
    if reply.outcome is Outcome.ERROR:
        return Answer(error=reply.error or StudentError(type="Exception", message=""))
    try:
        result = values.read(reply.meta.get("result"), reply.arrays)
        args, kwargs = reply.meta.get("args"), reply.meta.get("kwargs")
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise values.NotAValue
        nodes = dict(zip((name for name in bound.args if name in case.inputs), args, strict=False)) | {
            (bound.kwargs or {}).get(key, ""): node for key, node in kwargs.items()
        }
        after = {name: values.read(node, reply.arrays) for name, node in nodes.items()}
    except values.NotAValue:
        return _UNREADABLE
    return Answer(result, after)


def _same(one: Answer, other: Answer) -> bool:
    """Whether two answers to the same call are the same."""
    if one.error is not None or other.error is not None:
        return one.error is not None and other.error is not None
    exact = Tolerance(relative=1e-6, absolute=1e-7)
    if one.result.kind == other.result.kind == "other":
        return one.result.type == other.result.type
    names = (one.arguments or {}).keys()
    return values.compare(one.result, other.result, exact) is None and all(
        values.compare((one.arguments or {})[name], (other.arguments or {}).get(name, NONE), exact) is None
        for name in names
    )
