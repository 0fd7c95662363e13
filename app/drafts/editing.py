"""Edits of an `assignment.toml` that keep its comments and its order, so that a difference shows only what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit
from pydantic import BaseModel

from grader.assignment import Assignment, LateRule, ReviewRules, Schedule, Tell
from grader.assignment_check import MAIN


def with_version(text: str, version: int) -> str:
    """The file with another number of the version."""
    document = tomlkit.parse(text)
    document["version"] = version
    return tomlkit.dumps(document)


def with_identity(text: str, slug: str, title: Mapping[str, str]) -> str:
    """The file as the first version of another assignment."""
    document = tomlkit.parse(text)
    document["slug"], document["version"] = slug, 1
    _set_texts(document, "title", title)
    return tomlkit.dumps(document)


def with_settings(
    assignment: Assignment,
    title: Mapping[str, str],
    schedule: Schedule,
    tells: Mapping[str, Tell | None],
    review: ReviewRules,
    points: Mapping[str, float],
) -> str:
    """The file of an assignment with these settings, and the points and ``tell`` of its questions by number.

    A value that is the same already stays as it is written, and a default is left out where the file leaves it out.
    """
    document = tomlkit.parse(assignment.files[MAIN])
    if title != assignment.title:
        _set_texts(document, "title", title)
    _set_changed(document, "schedule", assignment.schedule, schedule)
    _set_changed(document, "review", assignment.review, review)
    for question, own in zip(assignment.questions, document.get("questions", []), strict=True):
        tell = tells.get(question.number, question.tell)
        if tell is not question.tell:
            _set(own, "tell", tell)
        if points.get(question.number, question.points) != question.points:
            own["points"] = _number(points[question.number])
    return tomlkit.dumps(document)


def _set_changed(document: tomlkit.TOMLDocument, name: str, before: BaseModel, after: BaseModel) -> None:
    """Write the values of a table that are not what they were; a missing table is added."""
    values = {key: value for key, value in after if value != getattr(before, key)}
    if values and name not in document:
        document[name] = tomlkit.table()
    for key, value in values.items():
        _set(document[name], key, _number(value) if isinstance(value, float) else value)


def _set(table: Any, name: str, value: Any) -> None:
    if value is None:
        table.remove(name)
    elif isinstance(value, LateRule):
        _set_late_rule(table, name, {key: _number(each) for key, each in value})
    else:
        table[name] = str(value) if isinstance(value, Tell) else value


def _set_late_rule(table: Any, name: str, values: Mapping[str, float | int]) -> None:
    own = table.get(name)
    if own is None:
        own = tomlkit.inline_table()
        own.update(values)
        table[name] = own
    for key, value in values.items():
        if own[key] != value:
            own[key] = value


def _number(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _set_texts(document: tomlkit.TOMLDocument, name: str, texts: Mapping[str, str]) -> None:
    table: Any = document[name]
    for language in [language for language in table if language not in texts]:
        del table[language]
    for language, text in texts.items():
        if table.get(language) != text:
            table[language] = text
