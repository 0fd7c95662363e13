"""Check whether a folder is a usable assignment: all that is wrong at once, each with its file and line.

It finds mistakes that would otherwise show when the first submission is graded, such as a missing key or a case file
that cannot be read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grader import assignment as assignments
from grader import messages, telling
from grader.assignment import Assignment, Question, Tell
from grader.check import OwnPoints, is_points
from grader.checks import registry
from grader.intake import syntax

MAIN = "assignment.toml"


@dataclass(frozen=True)
class Fault:
    """A mistake in a file: ``line`` counts from 1 (``None`` if no line can be named), ``what`` says what is wrong."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}" if self.line else f"{self.file}: {self.what}"


def check(folder: Path) -> tuple[Assignment | None, tuple[Fault, ...]]:
    """The assignment in a folder and its faults. Without faults there is an assignment."""
    try:
        texts = assignments.read_folder(folder)
    except (OSError, UnicodeDecodeError) as error:
        return None, (Fault(str(folder), None, str(error)),)
    if MAIN not in texts:
        return None, (Fault(str(folder), None, f"there is no {MAIN}"),)
    try:
        assignment = assignments.from_files(texts)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        return None, (Fault(MAIN, int(line[1]) if line else None, str(error)),)
    except ValidationError as error:
        return None, tuple(_validation_fault(texts[MAIN], details) for details in error.errors())
    return assignment, tuple(_faults(assignment))


def remarks(assignment: Assignment) -> tuple[Fault, ...]:
    """What a usable assignment should perhaps change: lines like those of faults, but nothing is wrong."""
    text = assignment.files[MAIN]
    guessed = [
        index
        for index, question in enumerate(assignment.questions)
        if registry.of(question).is_guessable and telling.rule(assignment, question) is Tell.AT_ONCE
    ]
    return tuple(
        Fault(
            MAIN,
            _line(text, index, "tell"),
            f"question {assignment.questions[index].number}: guessing pays, because students read at once whether "
            f'their choice is right and may submit again; set a deadline or tell = "{Tell.WHEN_RELEASED}"',
        )
        for index in guessed
    )


def _validation_fault(text: str, error: Mapping[str, Any]) -> Fault:
    where = error["loc"]
    field = ".".join(str(part + 1) if isinstance(part, int) else part for part in where)
    message = error["msg"].removeprefix("Value error, ")
    index = next((part for part in where if isinstance(part, int)), None)
    named = re.match(r"(\w+): ", message)
    words = [part for part in where if isinstance(part, str)]
    names = words if index is None else words[1:]
    names = names or (list(named.groups()) if named else [])
    line = _line(text, index, names[-1] if names else None, str(where[0]) if index is not None else "questions")
    return Fault(MAIN, line, f"{field}: {message}" if field else message)


def _line(text: str, question: int | None, name: str | None, table: str = "questions") -> int | None:
    """The line of a key, inside the table with this index; the table's first line where the key is missing."""
    lines = text.splitlines()
    starts = [number for number, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{table}\s*\]\]", line)]
    begin, end = 0, starts[0] if starts else len(lines)
    if question is not None and question < len(starts):
        begin = starts[question]
        end = starts[question + 1] if question + 1 < len(starts) else len(lines)
    elif question is None and name is not None:
        end = len(lines)
    for number in range(begin, end):
        if name is not None and re.match(rf"""\s*(?:\[.*\b)?["']?{re.escape(name)}["']?\s*[]=]""", lines[number]):
            return number + 1
    return begin + 1 if question is not None else None


def _faults(assignment: Assignment) -> Iterator[Fault]:
    text = assignment.files[MAIN]

    def fault(question: int | None, name: str, what: str) -> Fault:
        number = f"question {assignment.questions[question].number}: " if question is not None else ""
        return Fault(MAIN, _line(text, question, name), f"{number}{name}: {what}")

    if assignment.prelude:
        yield from _prelude(assignment, fault(None, "prelude", f"there is no file {assignment.prelude}"))
    for index, part in enumerate(assignment.parts):
        if not part.title.get(messages.LANGUAGES[0]):
            what = f"part {part.name}: title: there is no text in {messages.LANGUAGES[0]}"
            yield Fault(MAIN, _line(text, index, "title", "parts"), what)
    for index, question in enumerate(assignment.questions):
        if not question.title.get(messages.LANGUAGES[0]):
            yield fault(index, "title", f"there is no text in {messages.LANGUAGES[0]}")
        if question.check not in registry.CHECKS:
            yield fault(index, "check", f"there is no check {question.check!r}; there are {', '.join(registry.CHECKS)}")
            continue
        for name, what in _wrong_options(assignment, question):
            yield fault(index, name, what)


def _prelude(assignment: Assignment, missing: Fault) -> Iterator[Fault]:
    if assignment.prelude not in assignment.files:
        yield missing
        return
    try:
        syntax.tree(assignment.prelude_source())
    except SyntaxError as error:
        yield Fault(assignment.prelude, error.lineno, error.msg)


def _wrong_options(assignment: Assignment, question: Question) -> Iterator[tuple[str, str]]:
    """Options by name that scoring or a check could not use, and what is wrong with each."""
    check = registry.of(question)
    points = check.options_type.marked(OwnPoints)
    for name in check.options_type.model_fields:
        if name in points and not is_points(question.options.get(name), question):
            yield name, f"is a number of points from 0 to {question.points:g}, not {question.options.get(name)!r}"
    problems = dict(check.problems(assignment, question))
    yield from problems.items()
    try:
        check.options(question)
    except ValidationError as error:
        for details in error.errors():
            name = str(details["loc"][0])
            if name not in points and name not in problems:
                yield name, details["msg"].removeprefix("Value error, ")
    for name in question.options.keys() - check.options_type.model_fields.keys():
        yield name, f"is no option of {question.check}; there are {', '.join(check.options_type.model_fields)}"
