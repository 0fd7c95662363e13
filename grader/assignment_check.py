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

from pydantic import BaseModel, ValidationError

from grader import assignment as assignments
from grader import messages, spelling, telling
from grader.assignment import Assignment, ItemDefinition, LateRule, Question, ReviewRules, Schedule, Tell
from grader.check import OwnPoints, is_points
from grader.checks import registry
from grader.intake import syntax
from grader.parts import PartDefinition
from grader.sandbox import policy

MAIN = "assignment.toml"
_TABLES: Mapping[str | int, type[BaseModel]] = {
    "schedule": Schedule,
    "late": LateRule,
    "review": ReviewRules,
    "parts": PartDefinition,
    "questions": Question,
    "items": ItemDefinition,
}
"""The tables whose keys are fixed, by name."""


_LONGEST_ITEM = 300
"""Characters of the text of a review item."""


@dataclass(frozen=True)
class Fault:
    """A mistake in a file: ``line`` counts from 1 (``None`` if no line can be named), ``what`` says what is wrong."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}" if place else self.what


def check(folder: Path) -> tuple[Assignment | None, tuple[Fault, ...]]:
    """The assignment in a folder and its faults. Without faults there is an assignment."""
    try:
        texts = assignments.read_folder(folder)
    except (OSError, UnicodeDecodeError) as error:
        return None, (Fault(str(folder), None, str(error)),)
    if MAIN not in texts:
        return None, (Fault(str(folder), None, f"there is no {MAIN}"),)
    return check_texts(texts)


def check_texts(texts: Mapping[str, str]) -> tuple[Assignment | None, tuple[Fault, ...]]:
    """As `check`, of the texts of a folder's files by name. Any text gives a result."""
    if MAIN not in texts:
        return None, (Fault(MAIN, None, "there is no such file"),)
    try:
        assignment = assignments.from_files(texts)
    except ValidationError as error:
        faults = [_validation_fault(texts[MAIN], details) for details in error.errors()]
        return None, (*faults, *_unreadable_code(texts))
    except (ValueError, RecursionError) as error:
        line = re.search(r"at line (\d+)", str(error))
        what = "the file is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return None, (Fault(MAIN, int(line[1]) if line else None, what),)
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
    tables = [_TABLES[name] for name in where[:-1] if name in _TABLES]
    message = _validation_message(error, tables[-1] if tables else Assignment)
    index = next((part for part in where if isinstance(part, int)), None)
    named = re.match(r"(\w+): ", message)
    words = [part for part in where if isinstance(part, str)]
    names = words if index is None else words[1:]
    names = names or (list(named.groups()) if named else [])
    line = _line(text, index, names[-1] if names else None, str(where[0]) if index is not None else "questions")
    return Fault(MAIN, line, f"{field}: {message}" if field else message)


def _validation_message(error: Mapping[str, Any], table: type[BaseModel]) -> str:
    """What pydantic says, with the name that a misspelt key of the ``table`` or value may stand for."""
    if error["type"] == "extra_forbidden":
        names = [name for name in table.model_fields if table is not Assignment or name not in ("digest", "files")]
        return f"there is no such key{spelling.suggestion(str(error['loc'][-1]), names)}"
    message: str = error["msg"].removeprefix("Value error, ")
    if error["type"] in ("enum", "literal_error"):
        message += spelling.suggestion(str(error["input"]), re.findall(r"'([^']+)'", message))
    return message


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

    if assignment.prelude and assignment.prelude not in assignment.files:
        close = spelling.suggestion(assignment.prelude, assignment.files)
        yield fault(None, "prelude", f"there is no file {assignment.prelude}{close}")
    yield from _unreadable_code(assignment.files)
    yield from _wrong_limits(assignment)
    for index, part in enumerate(assignment.parts):
        if not part.title.get(messages.LANGUAGES[0]):
            what = f"part {part.name}: title: there is no text in {messages.LANGUAGES[0]}"
            yield Fault(MAIN, _line(text, index, "title", "parts"), what)
    for index, question in enumerate(assignment.questions):
        if not question.title.get(messages.LANGUAGES[0]):
            yield fault(index, "title", f"there is no text in {messages.LANGUAGES[0]}")
        for what in _wrong_items(question):
            yield fault(index, "items", what)
        if question.check not in registry.CHECKS:
            close = spelling.suggestion(question.check, registry.CHECKS)
            what = f"there is no check {question.check!r}; there are {', '.join(registry.CHECKS)}{close}"
            yield fault(index, "check", what)
            continue
        for name, what in _wrong_options(assignment, question):
            yield fault(index, name, what)


def _wrong_items(question: Question) -> Iterator[str]:
    """What is wrong with the review items of a question."""
    keys: set[int] = set()
    texts: set[str] = set()
    for number, item in enumerate(question.items, start=1):
        english = item.text.get(messages.LANGUAGES[0], "").strip()
        if not english:
            yield f"item {number}: text: there is no text in {messages.LANGUAGES[0]}"
        elif english in texts:
            yield f"item {number}: text: another item has the same text"
        for language, text in item.text.items():
            if language not in messages.LANGUAGES:
                close = spelling.suggestion(language, messages.LANGUAGES)
                yield f"item {number}: text: there is no language {language}{close}"
            elif len(text) > _LONGEST_ITEM or "\0" in text:
                yield f"item {number}: text: an item has at most {_LONGEST_ITEM} characters, none of them NUL"
        if item.deduction > question.points:
            yield f"item {number}: deduction: the question is worth {question.points:g} points, not {item.deduction:g}"
        if item.key is not None and item.key in keys:
            yield f"item {number}: key: another item has the key {item.key}"
        keys |= {item.key} if item.key is not None else set()
        texts.add(english)


def _unreadable_code(texts: Mapping[str, str]) -> Iterator[Fault]:
    """The prelude and the author's functions that Python cannot read, whatever else is wrong."""
    data = tomllib.loads(texts[MAIN])
    questions = data.get("questions")
    options = (
        [each.get("options") for each in questions if isinstance(each, dict)] if isinstance(questions, list) else []
    )
    folders = tuple(
        f"{str(each['folder']).strip('/')}/" for each in options if isinstance(each, dict) and "folder" in each
    )
    for name, text in texts.items():
        if name == data.get("prelude") or (name.endswith(".py") and name.startswith(folders)):
            error = syntax.grammar_error(text)
            if error is not None:
                yield Fault(name, error.line, error.message)


def _wrong_limits(assignment: Assignment) -> Iterator[Fault]:
    try:
        policy.default().limits.override(assignment.sandbox)
    except ValidationError as error:
        for details in error.errors():
            name = str(details["loc"][0])
            what = f"sandbox.{name}: {_validation_message(details, policy.Limits)}"
            yield Fault(MAIN, _line(assignment.files[MAIN], None, name), what)


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
        names = check.options_type.model_fields
        close = spelling.suggestion(name, names)
        yield name, f"is no option of {question.check}; there are {', '.join(names)}{close}"
