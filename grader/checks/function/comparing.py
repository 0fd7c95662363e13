"""The answers that are expected, and the comparison of an answer with another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from grader.checks.function import reference, values
from grader.checks.function.author import Answer, Author, Case
from grader.checks.function.options import ASPECTS, Aspect, AuthorFiles
from grader.checks.function.values import NONE, Difference


@dataclass(frozen=True)
class Failure:
    """Why an aspect of an answer is wrong: a ``reason`` as in `evidence.FailedCase`."""

    reason: str
    argument: str = ""
    difference: Difference | None = None
    refusal: dict[str, str] | None = None


class ExpectedAnswers:
    """The reference's answers by the index of their case; those to fresh cases only once one is needed."""

    def __init__(
        self,
        fixed: reference.FixedAnswers,
        fresh: Sequence[Case],
        entry: str,
        files: AuthorFiles,
        author: Callable[[], Author],
    ) -> None:
        self._fixed, self._fresh, self._entry, self._files, self._author = fixed, fresh, entry, files, author

    def __getitem__(self, index: int) -> Answer:
        count = len(self._fixed.cases)
        return self._fixed.expected[index] if index < count else self._of_fresh[index - count]

    @cached_property
    def _of_fresh(self) -> tuple[Answer, ...]:
        source = self._files.reference
        return self._author().answers("reference.py", source, self._entry, self._fresh, strict=True)


def compare_aspect(aspect: Aspect, got: Answer, expected: Answer, files: AuthorFiles) -> Failure | None:
    """Why an aspect of an answer differs from the expected one, or ``None`` where it agrees."""
    tolerance = files.options.tolerance
    if aspect == "result":
        difference = values.compare(expected.result, got.result, tolerance)
        return None if difference is None else Failure(difference.reason, difference=difference)
    for name, value in (expected.arguments or {}).items():
        difference = values.compare(value, (got.arguments or {}).get(name, NONE), tolerance)
        if difference is not None:
            return Failure(difference.reason, argument=name, difference=difference)
    return None


def is_alike(got: Answer, known: Answer, files: AuthorFiles) -> bool:
    """Whether two functions gave the same answer, or raised the same type of exception."""
    if got.error is not None or known.error is not None:
        types = [answer.error.type for answer in (got, known) if answer.error is not None]
        return len(types) == 2 and types[0] == types[1]
    if got.result.kind == known.result.kind == "other":
        alike = got.result.type == known.result.type
        return alike and compare_aspect("arguments", got, known, files) is None
    return all(compare_aspect(aspect, got, known, files) is None for aspect in ASPECTS)
