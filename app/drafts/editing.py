"""Edits of an `assignment.toml` that keep its comments and its order, so that a difference shows only what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.items import Table

from grader.assignment import Assignment, LateRule, Schedule, Tell
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
    assignment: Assignment, title: Mapping[str, str], schedule: Schedule, tells: Mapping[str, Tell | None]
) -> str:
    """The file of an assignment with this title and schedule, and by question when its result is told.

    A value that is the same already stays as it is written, and a default is left out where the file leaves it out.
    """
    document = tomlkit.parse(assignment.files[MAIN])
    if title != assignment.title:
        _set_texts(document, "title", title)
    table = document.get("schedule")
    if table is None:
        table = tomlkit.table()
        document["schedule"] = table
    for name in Schedule.model_fields:
        value = getattr(schedule, name)
        if value != getattr(assignment.schedule, name):
            _set(table, name, value)
    for question, own in zip(assignment.questions, document.get("questions", []), strict=True):
        tell = tells.get(question.number, question.tell)
        if tell is not question.tell:
            _set(own, "tell", tell)
    return tomlkit.dumps(document)


def _set(table: Table, name: str, value: Any) -> None:
    if value is None:
        table.remove(name)
    elif isinstance(value, LateRule):
        _set_late_rule(table, name, {key: _number(each) for key, each in value})
    else:
        table[name] = str(value) if isinstance(value, Tell) else value


def _set_late_rule(table: Table, name: str, values: Mapping[str, float | int]) -> None:
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
