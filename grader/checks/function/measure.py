"""Compare a student's function with the author's reference on fixed and fresh cases.

Three zones: the student's child has the student's source and inputs only; the author's child runs reference, mistakes
and property, and no student's code; here, the worker compares data. The cases come in drawn order, some of them twice,
and the fresh ones are drawn after the student's source was loaded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks.function import author as author_side
from grader.checks.function import binding, function_replay, reference, values
from grader.checks.function.author import Answer, Author, Case
from grader.checks.function.binding import Binding
from grader.checks.function.evidence import FailedCase, FunctionEvidence, GroupEvidence, KindEvidence, ShownValue
from grader.checks.function.options import Aspect, AuthorFiles, Group
from grader.checks.function.values import NONE, Difference, Tolerance, Value, Writer
from grader.evidence import MissingName, Outcome, StudentError
from grader.sandbox import claims
from grader.sandbox.replies import Child, Reply

REPEATS = 3
"""How many calls are made a second time."""

MAX_BYTES = 4 * author_side.MAX_BYTES
"""Most bytes of tensors in all answers of a function; later ones are not read."""
_UNREADABLE = Answer(Value("other", type="unreadable"), {})


@dataclass(frozen=True)
class Judged:
    """One case with the answers of both sides and, by aspect, why the student's is wrong (``None``: it is right)."""

    case: Case
    got: Answer
    expected: Answer
    failures: dict[Aspect, _Failure | None]


@dataclass(frozen=True)
class _Failure:
    reason: str
    argument: str = ""
    difference: Difference | None = None
    refusal: dict[str, str] | None = None


def measure(
    child: Child,
    entry: str,
    files: AuthorFiles,
    author: Callable[[], Author],
    key: tuple[str, str, str],
    rng: np.random.Generator,
    defined_names: tuple[str, ...] = (),
    *,
    diagnose: bool = True,
) -> FunctionEvidence:
    """Examine the function that ``child`` has loaded.

    ``author`` opens the author's child when it is first needed; ``key`` names digest, question and entry point. Known
    mistakes are only compared to ``diagnose``.
    Raises `AuthorFault` when a file of the author's is wrong, and `InfrastructureFault` when the sandbox failed.
    """
    inspected = child.request("function.inspect", {"entry": entry})
    if inspected.outcome is not Outcome.OK:
        return _failure_evidence(child, inspected, "load")
    if inspected.meta.get("missing") is True:
        defined = tuple(claims.public_names(defined_names))
        return FunctionEvidence(outcome=Outcome.ERROR, stage="load", missing_entry=True, defined_names=defined)
    signature = claims.text(inspected.meta.get("signature"), 500)
    fixed = reference.fixed_answers(key, entry, files, author)
    required = tuple(dict.fromkeys(name for case in fixed.cases for name in case.inputs))
    parameters = reference.parameters_of(files.reference, entry)
    listed = inspected.meta.get("parameters") if inspected.meta.get("kind") != "class" else None
    bound = binding.bind(listed, parameters, required, files.options.aliases)
    facts: dict[str, Any] = {
        "signature": signature,
        "call": bound.text(entry) if bound.is_callable else "",
        "renamed": bound.is_renamed,
        "by_position": bound.by_position,
        "defaulted": bound.defaulted,
        "unplaced": bound.unplaced,
        "unknown": bound.unknown,
        "stdout": child.stdout,
    }
    if not bound.is_callable:
        return FunctionEvidence(**facts, unreadable_signature=not bound.is_readable)

    seed = int(rng.integers(1 << 40))
    fresh = author().draw(files.cases, seed)
    cases = (*fixed.cases, *fresh)
    order = [*range(len(cases)), *rng.choice(len(cases), min(REPEATS, len(cases)), replace=False).tolist()]
    answers: dict[int, Answer] = {}
    repeatable = True
    size = 0
    for index in rng.permutation(order).tolist():
        reply = _call(child, entry, bound, cases[index])
        if reply.outcome not in (Outcome.OK, Outcome.ERROR):
            return _failure_evidence(child, reply, "call", **facts | {"seed": seed})
        size += sum(array.nbytes for array in reply.arrays)
        answer = _read(reply, bound, cases[index]) if size <= MAX_BYTES else _UNREADABLE
        first = answers.setdefault(index, answer)
        repeatable = repeatable and _same(first, answer)
    expected = (*fixed.expected, *author().answers("reference.py", files.reference, entry, fresh, strict=True))
    judged = [_judge(files, author, case, answers[i], expected[i]) for i, case in enumerate(cases)]
    errors = [item.got.error for item in judged]
    facts |= {"seed": seed, "stdout": child.stdout}
    if all(errors):
        return _failure_evidence(child, Reply(Outcome.ERROR, error=errors[0]), "call", **facts)
    groups = tuple(_group_evidence(group, judged) for group in files.options.groups)
    failed = [item for item in judged if any(_fails(item, group) for group in files.options.groups)]
    diagnosis: tuple[str, ...] = ()
    if failed and repeatable and diagnose:
        diagnosis = _diagnose([answers[i] for i in range(len(cases))], fixed, fresh, entry, files, author)
    return FunctionEvidence(
        **facts,
        cases=len(cases),
        failed=len(failed),
        groups=groups,
        kinds=_kinds(judged, failed),
        tolerance_used=_tolerance_used(judged, files) if not failed and files.property is None else None,
        diagnosis=diagnosis[0] if diagnosis else None,
        diagnosis_also=diagnosis[1:],
        first_failed=_first_failed(judged, files.options.groups, len(fixed.cases), bound),
        repeatable=repeatable or files.property is not None,
        missing_names=_missing_names([error for error in errors if error is not None]),
    )


def _failure_evidence(child: Child, reply: Reply, stage: str, **facts: Any) -> FunctionEvidence:
    return FunctionEvidence(**{**facts, **claims.failure(reply, stage), "stdout": child.stdout})


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


def _judge(files: AuthorFiles, author: Callable[[], Author], case: Case, got: Answer, expected: Answer) -> Judged:
    aspects: tuple[Aspect, ...] = ("result", "arguments")
    if got.error is not None:
        return Judged(case, got, expected, {aspect: _Failure("raises") for aspect in aspects})
    failures: dict[Aspect, _Failure | None] = {}
    for aspect in aspects:
        refusal = author().refusal(files.property, aspect, case, got) if files.property is not None else False
        if refusal is False:
            failures[aspect] = _compare(aspect, got, expected, files)
        else:
            failures[aspect] = _Failure("refused", refusal=dict(refusal)) if isinstance(refusal, dict) else None
    return Judged(case, got, expected, failures)


def _compare(aspect: Aspect, got: Answer, expected: Answer, files: AuthorFiles) -> _Failure | None:
    tolerance = files.options.tolerance
    if aspect == "result":
        difference = values.compare(expected.result, got.result, tolerance)
        return None if difference is None else _Failure(difference.reason, difference=difference)
    for name, value in (expected.arguments or {}).items():
        difference = values.compare(value, (got.arguments or {}).get(name, NONE), tolerance)
        if difference is not None:
            return _Failure(difference.reason, argument=name, difference=difference)
    return None


def _fails(item: Judged, group: Group) -> bool:
    return item.case.kind in group.cases and any(item.failures[aspect] is not None for aspect in group.compare)


def _group_evidence(group: Group, judged: Sequence[Judged]) -> GroupEvidence:
    failed = sum(_fails(item, group) for item in judged)
    cases = sum(item.case.kind in group.cases for item in judged)
    return GroupEvidence(name=group.name, agrees=failed == 0 and cases > 0, cases=cases, failed=failed)


def _kinds(judged: Sequence[Judged], failed: Sequence[Judged]) -> tuple[KindEvidence, ...]:
    counts = Counter(item.case.kind for item in judged)
    failures = Counter(item.case.kind for item in failed)
    return tuple(KindEvidence(name=kind, cases=count, failed=failures[kind]) for kind, count in counts.items())


def _tolerance_used(judged: Sequence[Judged], files: AuthorFiles) -> float:
    tolerance = files.options.tolerance
    shares = [values.share_of_tolerance(item.expected.result, item.got.result, tolerance) for item in judged]
    return round(max(shares), 3)


def _first_failed(judged: Sequence[Judged], groups: Sequence[Group], fixed: int, bound: Binding) -> FailedCase | None:
    """The first failure to show: of a fresh case where there is one, because those are never used again."""
    for index in (*range(fixed, len(judged)), *range(fixed)):
        item = judged[index]
        for group in groups:
            for aspect in group.compare if item.case.kind in group.cases else ():
                failure = item.failures[aspect]
                if failure is not None:
                    # Other gradings share the fixed cases: they stay secret.
                    replay = function_replay.call(item.case, item.expected, bound) if index >= fixed else None
                    return _failed_case(item, group, aspect, failure).model_copy(update={"replay": replay})
    return None


def _failed_case(item: Judged, group: Group, aspect: Aspect, failure: _Failure) -> FailedCase:
    difference = failure.difference
    shown = tuple(ShownValue(name=name, text=values.show(value)) for name, value in item.case.inputs.items())
    about: dict[str, Any] = {"kind": item.case.kind, "group": group.name, "aspect": aspect, "inputs": shown}
    if difference is None:
        got = "" if item.got.error is not None else values.show(item.got.result)
        return FailedCase(**about, reason=failure.reason, refusal=failure.refusal, error=item.got.error, got=got)
    return FailedCase(
        **about,
        reason=failure.reason,
        argument=failure.argument,
        place=difference.place,
        expected=values.show(difference.expected),
        got=values.show(difference.got),
        differing=difference.differing,
        elements=difference.elements,
        largest=difference.largest,
    )


def _diagnose(
    answers: Sequence[Answer],
    fixed: reference.FixedAnswers,
    fresh: Sequence[Case],
    entry: str,
    files: AuthorFiles,
    author: Callable[[], Author],
) -> tuple[str, ...]:
    """The known mistakes that behave as the function does in every case, in the order of their ids.

    Answers to the fixed cases can be known by heart, and a known mistake may have points: the fresh ones must fit too.
    """
    reference.add_mistakes(fixed, entry, files, author)
    count = len(fixed.cases)
    fitting = []
    for mistake in files.mistakes:
        if not _are_alike(answers[:count], fixed.mistakes[mistake.id], files):
            continue
        known = author().answers(f"mistakes/{mistake.id}.py", mistake.source, entry, fresh, strict=False)
        if _are_alike(answers[count:], known, files):
            fitting.append(mistake.id)
    return tuple(fitting)


def _are_alike(answers: Sequence[Answer], known: Sequence[Answer], files: AuthorFiles) -> bool:
    return all(_is_alike(got, one, files) for got, one in zip(answers, known, strict=True))


def _is_alike(got: Answer, known: Answer, files: AuthorFiles) -> bool:
    if got.error is not None or known.error is not None:
        types = [answer.error.type for answer in (got, known) if answer.error is not None]
        return len(types) == 2 and types[0] == types[1]
    if got.result.kind == known.result.kind == "other":
        alike = got.result.type == known.result.type
        return alike and _compare("arguments", got, known, files) is None
    return all(_compare(aspect, got, known, files) is None for aspect in ("result", "arguments"))


def _missing_names(errors: Sequence[StudentError]) -> tuple[MissingName, ...]:
    replies = [Reply(outcome=Outcome.ERROR, error=error) for error in errors]
    return tuple(dict.fromkeys(name for reply in replies for name in claims.failure(reply, "call")["missing_names"]))
