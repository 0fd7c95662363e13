"""What a worker keeps of the author's side: the fixed cases with the answers of the reference and of known mistakes.

They depend on the assignment alone, so each process computes them once for an assignment's digest.
"""

from __future__ import annotations

import ast
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from grader.checks.function.author import Answer, Author, AuthorFault, Case
from grader.checks.function.options import AuthorFiles

FIXED_SEED = 20_130
"""Seed of the fixed cases, on which known mistakes are recognised."""
_KEPT = 64


@dataclass
class FixedAnswers:
    """The fixed cases, the reference's answers, and by id those of each known mistake once they are needed."""

    cases: tuple[Case, ...]
    expected: tuple[Answer, ...]
    mistakes: dict[str, tuple[Answer, ...]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_fixed: OrderedDict[tuple[str, str, str], FixedAnswers] = OrderedDict()
_lock = threading.Lock()


def fixed_answers(
    key: tuple[str, str, str], entry: str, files: AuthorFiles, author: Callable[[], Author]
) -> FixedAnswers:
    """The fixed cases and answers for a key of digest, question and entry point. Raises `AuthorFault`."""
    with _lock:
        known = _fixed.get(key)
        if known is not None:
            _fixed.move_to_end(key)
            return known
    cases = author().draw(files.cases, FIXED_SEED)
    _require_kinds(cases, files)
    answers = FixedAnswers(cases, author().answers("reference.py", files.reference, entry, cases, strict=True))
    with _lock:
        _fixed[key] = answers
        while len(_fixed) > _KEPT:
            _fixed.popitem(last=False)
    return answers


def _require_kinds(cases: Sequence[Case], files: AuthorFiles) -> None:
    """Raise `AuthorFault` for a group with a kind that is not drawn: no function could earn its points."""
    drawn = {case.kind for case in cases}
    for group in files.options.groups:
        for kind in group.cases:
            if kind not in drawn:
                what = f"yields no case of the kind {kind!r}, which the group {group.name!r} names"
                raise AuthorFault(f"{files.options.folder}/cases.py {what}; it yields {', '.join(sorted(drawn))}")


def add_mistakes(known: FixedAnswers, entry: str, files: AuthorFiles, author: Callable[[], Author]) -> None:
    """Compute the answers of the known mistakes, if they are not there yet. Raises `AuthorFault`."""
    with known.lock:
        for mistake in files.mistakes:
            if mistake.id not in known.mistakes:
                name = f"mistakes/{mistake.id}.py"
                answers = author().answers(name, mistake.source, entry, known.cases, strict=False)
                known.mistakes[mistake.id] = answers


def parameters_of(source: str, entry: str) -> tuple[str, ...]:
    """The parameters of the reference in their order. Raises `AuthorFault` when it defines no such function."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise AuthorFault(f"reference.py cannot be read: {error}") from error
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == entry:
            arguments = node.args
            return tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
    raise AuthorFault(f"reference.py defines no function {entry}")
