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

from grader.checks.function import binding, calls, diagnosis, function_replay, reference, values
from grader.checks.function.author import Answer, Author, Case
from grader.checks.function.binding import Binding
from grader.checks.function.comparing import ExpectedAnswers, Failure, compare_aspect
from grader.checks.function.evidence import FailedCase, FunctionEvidence, GroupEvidence, KindEvidence, ShownValue
from grader.checks.function.options import ASPECTS, Aspect, AuthorFiles, Group
from grader.evidence import MissingName, Outcome, StudentError
from grader.sandbox import claims
from grader.sandbox.replies import Child, Reply


@dataclass(frozen=True)
class Judged:
    """One case with the student's answer and, by aspect, why it is wrong (``None``: it is right)."""

    index: int
    case: Case
    got: Answer
    failures: dict[Aspect, Failure | None]


def measure(
    child: Child,
    entry: str,
    files: AuthorFiles,
    author: Callable[[], Author],
    key: tuple[str, str, str],
    rng: np.random.Generator,
    defined_names: tuple[str, ...] = (),
    *,
    explain: bool = True,
) -> FunctionEvidence:
    """Examine the function that ``child`` has loaded.

    ``author`` opens the author's child when it is first needed; ``key`` names digest, question and entry point.
    Without ``explain`` a function that is not right has neither a diagnosis nor a case to show.
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
    called = calls.call_all(child, entry, bound, cases, rng)
    facts |= {"seed": seed, "stdout": child.stdout}
    answers = called.answers
    failure = called.failure
    if failure is None and all(answer.error for answer in answers):
        failure = calls.Ended(Reply(Outcome.ERROR, error=answers[len(fixed.cases)].error), fresh[0])
    if failure is not None:
        if explain:
            # Other gradings share the fixed cases: a fresh one of the same kind is shown.
            case = _of_kind(fresh, failure.case.kind)
            facts["first_failed"] = _ended_case(case, failure.reply, entry, bound, files, author)
        return _failure_evidence(child, failure.reply, "call", **facts)
    expected = ExpectedAnswers(fixed, fresh, entry, files, author)
    judged = [_judge(files, author, case, answers[i], expected, i) for i, case in enumerate(cases)]
    errors = [answer.error for answer in answers if answer.error is not None]
    groups = tuple(_group_evidence(group, judged) for group in files.options.groups)
    failed = [item for item in judged if any(_fails(item, group) for group in files.options.groups)]
    found = diagnosis.Diagnosis()
    first_failed = None
    if failed and explain:
        if called.repeatable:
            found = diagnosis.diagnose(answers, expected, fixed, fresh, entry, files, author)
        first_failed = _first_failed(judged, expected, files.options.groups, len(fixed.cases), bound)
    return FunctionEvidence(
        **facts,
        cases=len(cases),
        failed=len(failed),
        groups=groups,
        kinds=_kinds(judged, failed),
        tolerance_used=_tolerance_used(judged, expected, files) if not failed and files.property is None else None,
        diagnosis=found.mistakes[0] if found.mistakes else None,
        diagnosis_also=found.mistakes[1:],
        diagnosis_is_exact=found.is_exact,
        first_failed=first_failed,
        repeatable=called.repeatable or files.property is not None,
        missing_names=_missing_names(errors),
    )


def _failure_evidence(child: Child, reply: Reply, stage: str, **facts: Any) -> FunctionEvidence:
    return FunctionEvidence(**{**facts, **claims.failure(reply, stage), "stdout": child.stdout})


def _judge(
    files: AuthorFiles, author: Callable[[], Author], case: Case, got: Answer, expected: ExpectedAnswers, index: int
) -> Judged:
    if got.error is not None:
        return Judged(index, case, got, {aspect: Failure("raises") for aspect in ASPECTS})
    failures: dict[Aspect, Failure | None] = {}
    for aspect in ASPECTS:
        refusal = author().refusal(files.property, aspect, case, got) if files.property is not None else False
        if refusal is False:
            failures[aspect] = compare_aspect(aspect, got, expected[index], files)
        else:
            failures[aspect] = Failure("refused", refusal=dict(refusal)) if isinstance(refusal, dict) else None
    return Judged(index, case, got, failures)


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


def _tolerance_used(judged: Sequence[Judged], expected: ExpectedAnswers, files: AuthorFiles) -> float:
    tolerance = files.options.tolerance
    shares = [values.share_of_tolerance(expected[item.index].result, item.got.result, tolerance) for item in judged]
    return round(max(shares), 3)


def _first_failed(
    judged: Sequence[Judged], expected: ExpectedAnswers, groups: Sequence[Group], fixed: int, bound: Binding
) -> FailedCase | None:
    """The first failure to show: of a fresh case where there is one, because those are never used again."""
    for index in (*range(fixed, len(judged)), *range(fixed)):
        item = judged[index]
        for group in groups:
            for aspect in group.compare if item.case.kind in group.cases else ():
                failure = item.failures[aspect]
                if failure is not None:
                    # Other gradings share the fixed cases: they stay secret.
                    replay = function_replay.call(item.case, expected[index], bound) if index >= fixed else None
                    return _failed_case(item, group, aspect, failure).model_copy(update={"replay": replay})
    return None


def _of_kind(cases: Sequence[Case], kind: str) -> Case:
    """The first case of this kind, else the first one."""
    return next((case for case in cases if case.kind == kind), cases[0])


def _ended_case(
    case: Case, reply: Reply, entry: str, bound: Binding, files: AuthorFiles, author: Callable[[], Author]
) -> FailedCase:
    """A case to show for a function that ends like ``reply`` in a case of its kind: nothing can be judged."""
    (expected,) = author().answers("reference.py", files.reference, entry, [case], strict=True)
    group = next((group.name for group in files.options.groups if case.kind in group.cases), "")
    return FailedCase(
        kind=case.kind,
        group=group,
        aspect="result",
        reason="raises" if reply.outcome is Outcome.ERROR else str(reply.outcome),
        inputs=_shown_inputs(case),
        error=reply.error,
        replay=function_replay.call(case, expected, bound),
    )


def _shown_inputs(case: Case) -> tuple[ShownValue, ...]:
    return tuple(ShownValue(name=name, text=values.show(value)) for name, value in case.inputs.items())


def _failed_case(item: Judged, group: Group, aspect: Aspect, failure: Failure) -> FailedCase:
    difference = failure.difference
    about: dict[str, Any] = {"kind": item.case.kind, "group": group.name, "aspect": aspect}
    about["inputs"] = _shown_inputs(item.case)
    if difference is None:
        got = "" if item.got.error is not None else values.show(item.got.result)
        return FailedCase(**about, reason=failure.reason, refusal=failure.refusal, error=item.got.error, got=got)
    return FailedCase(
        **about,
        reason=failure.reason,
        argument=failure.argument,
        place=difference.place,
        expected=values.show_with(difference.expected, difference.reason),
        got=values.show_with(difference.got, difference.reason),
        got_kind=difference.got.kind,
        differing=difference.differing,
        elements=difference.elements,
        largest=difference.largest,
        not_finite=difference.not_finite,
    )


def _missing_names(errors: Sequence[StudentError]) -> tuple[MissingName, ...]:
    replies = [Reply(outcome=Outcome.ERROR, error=error) for error in errors]
    return tuple(dict.fromkeys(name for reply in replies for name in claims.failure(reply, "call")["missing_names"]))
