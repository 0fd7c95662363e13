"""Which known mistakes a wrong function makes: it behaves as they do.

Answers to the fixed cases can be known by heart, and a known mistake may have points: the fresh ones must fit too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.checks.function import reference
from grader.checks.function.author import Answer, Author, Case
from grader.checks.function.comparing import ExpectedAnswers, is_alike
from grader.checks.function.options import AuthorFiles, KnownMistake


@dataclass(frozen=True)
class Diagnosis:
    """The ids of the known mistakes that fit, the best first; ``is_exact``: in every case."""

    mistakes: tuple[str, ...] = ()
    is_exact: bool = True


def diagnose(
    answers: Sequence[Answer],
    expected: ExpectedAnswers,
    fixed: reference.FixedAnswers,
    fresh: Sequence[Case],
    entry: str,
    files: AuthorFiles,
    author: Callable[[], Author],
) -> Diagnosis:
    """The known mistakes that behave as the function does in every case, in the order of their ids.

    Where there is none: those that behave so in every case of the kinds in which they are wrong themselves, by the
    number of these cases. Such a function makes the mistake, and is wrong elsewhere too or less often.
    """
    reference.add_mistakes(fixed, entry, files, author)
    kinds = [case.kind for case in (*fixed.cases, *fresh)]
    count = len(fixed.cases)

    def fits(mistake: KnownMistake, within: frozenset[str]) -> bool:
        """Whether the function behaves as a mistake does in every case of these kinds."""
        pairs = zip(answers[:count], fixed.mistakes[mistake.id], kinds[:count], strict=True)
        if not all(is_alike(got, known, files) for got, known, kind in pairs if kind in within):
            return False
        name = f"mistakes/{mistake.id}.py"
        known_fresh = author().answers(name, mistake.source, entry, fresh, strict=False)
        pairs = zip(answers[count:], known_fresh, kinds[count:], strict=True)
        return all(is_alike(got, known, files) for got, known, kind in pairs if kind in within)

    exact = tuple(mistake.id for mistake in files.mistakes if fits(mistake, frozenset(kinds)))
    if exact:
        return Diagnosis(exact)
    cases = {}
    for mistake in files.mistakes:
        wrong = frozenset(
            kind
            for index, kind in enumerate(kinds[:count])
            if not is_alike(fixed.mistakes[mistake.id][index], expected[index], files)
        )
        if wrong and fits(mistake, wrong):
            cases[mistake.id] = sum(kind in wrong for kind in kinds)
    return Diagnosis(tuple(sorted(cases, key=lambda name: -cases[name])), is_exact=not cases)
