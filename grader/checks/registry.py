"""The kinds of checks there are, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from grader import messages
from grader.assignment import Assignment, Question
from grader.check import AnyCheck, Public
from grader.checks.architecture.check import Architecture
from grader.checks.choice.check import Choice
from grader.checks.function.check import Function
from grader.checks.kd_loss.check import KDLoss
from grader.checks.pruning.check import Pruning
from grader.checks.summary.check import Summary
from grader.reading.reader import EntryPoint

CHECKS: dict[str, AnyCheck] = {
    check.kind: check for check in (Architecture(), Summary(), KDLoss(), Function(), Choice(), Pruning())
}


def add(check: AnyCheck, texts: Path) -> None:
    """Add a kind that is not part of this package, and the file of its messages."""
    messages.add(texts)
    CHECKS[check.kind] = check


def of(question: Question) -> AnyCheck:
    """The check of a question. Raises ``ValueError`` for an unknown kind."""
    try:
        return CHECKS[question.check]
    except KeyError:
        raise ValueError(f"there is no check {question.check!r}; there are {', '.join(CHECKS)}") from None


def entry_points(assignment: Assignment) -> tuple[list[str], list[EntryPoint]]:
    """The numbers of the questions that call student code, and what each of them calls."""
    numbers, entries = [], []
    for question in assignment.questions:
        own, others = assignment.code_parts(question)
        if question.entry is not None and own:
            numbers.append(question.number)
            entries.append(EntryPoint(tuple(own), tuple(others), question.entry, of(question).entry_kind))
    return numbers, entries


def public_options(assignment: Assignment) -> dict[str, Any]:
    """The options that everybody may know, by name. Where several questions have one, the first counts."""
    options: dict[str, Any] = {}
    for question in assignment.questions:
        for name in sorted(of(question).options_type.marked(Public) & question.options.keys()):
            options.setdefault(name, question.options[name])
    return options
