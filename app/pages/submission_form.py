"""The form of the start page, and its conversion into the fields of the API."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from app import language
from app.presenting import filters
from app.submissions.parts import Field
from grader.assignment import Assignment, Question
from grader.parts import PartDefinition, PartKind, usual_file_names

_ANSWER = "answer-"
_FILE = "-file"
_TEXT_AREAS = frozenset({PartKind.CODE, PartKind.TEXT})
"""Kinds of parts that can be pasted."""


@dataclass(frozen=True)
class Task:
    """A question as the form shows it: ``text`` is Markdown, ``choices`` are texts by key."""

    number: str
    title: str
    points: str
    text: str
    choices: Mapping[str, str]


@dataclass(frozen=True)
class FormPart:
    """The fields of a part, and the questions that it is the first part of.

    ``files`` and ``entries`` let the page's script find the field of a dropped file.
    """

    name: str
    title: str
    hint: str
    max_bytes: int
    is_pasted: bool
    accept: str
    files: str
    entries: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Form:
    """The form of one assignment: its parts in order, and its questions with choices."""

    parts: tuple[FormPart, ...]
    choices: tuple[Task, ...]


def build(assignment: Assignment, tag: str) -> Form:
    """The form of an assignment in a language."""
    file_names = usual_file_names(assignment.parts)
    return Form(
        parts=tuple(
            _form_part(assignment, part, file_names[part.name], tag)
            for part in assignment.parts
            if part.kind is not PartKind.ANSWERS
        ),
        choices=tuple(_task(question, tag) for question in assignment.questions if "choices" in question.options),
    )


def _form_part(assignment: Assignment, part: PartDefinition, files: tuple[str, ...], tag: str) -> FormPart:
    # Pasted code and text often come as a plain text file.
    accept = dict.fromkeys((*part.suffixes, ".txt") if part.kind in _TEXT_AREAS else part.suffixes)
    users = [question for question in assignment.questions if part.name in question.parts]
    return FormPart(
        name=part.name,
        title=language.text(part.title, tag),
        hint=language.text(part.hint, tag) if part.hint else "",
        max_bytes=part.limit,
        is_pasted=part.kind in _TEXT_AREAS,
        accept=",".join(accept),
        files=" ".join(files),
        entries=" ".join(question.entry for question in users if question.entry),
        tasks=tuple(_task(question, tag) for question in users if question.parts[0] == part.name),
    )


def _task(question: Question, tag: str) -> Task:
    return Task(
        number=question.number,
        title=language.text(question.title, tag),
        points=filters.points(question.points),
        text=question.task(tag),
        choices={key: language.text(texts, tag) for key, texts in question.options.get("choices", {}).items()},
    )


def size_limits(assignment: Assignment) -> dict[str, int]:
    """Every field of the form with its largest size in bytes."""
    parts = [part for part in assignment.parts if part.kind is not PartKind.ANSWERS]
    files = {f"{part.name}{_FILE}": part.limit for part in parts}
    texts = {part.name: part.limit for part in parts if part.kind in _TEXT_AREAS}
    answers = {f"{_ANSWER}{question.number}": 256 for question in assignment.questions if "choices" in question.options}
    return files | texts | answers | {"repair": 256}


def to_api(fields: Mapping[str, Field], assignment: Assignment) -> dict[str, Field]:
    """The fields of `POST /submissions`. A file outranks the text of the same part."""
    result = {"assignment": Field(assignment.slug.encode(), None)}
    for part in assignment.parts:
        file, text = fields.get(f"{part.name}{_FILE}"), fields.get(part.name)
        if file is not None and file.data:
            result[part.name] = file
        elif text is not None:
            # Browsers send each line break of a text area as CR LF.
            result[part.name] = Field(text.data.replace(b"\r\n", b"\n"), None)
    for part_name, answers in _answers(fields, assignment).items():
        result[part_name] = Field(json.dumps(answers).encode(), None)
    if "repair" in fields:
        result["repair"] = fields["repair"]
    return result


def _answers(fields: Mapping[str, Field], assignment: Assignment) -> dict[str, dict[str, str]]:
    """By part of answers the answers of its questions."""
    by_part: dict[str, dict[str, str]] = defaultdict(dict)
    for question in assignment.questions:
        field = fields.get(f"{_ANSWER}{question.number}")
        for name in assignment.part_names(PartKind.ANSWERS, question):
            if field is not None and field.data:
                by_part[name][question.number] = field.data.decode("utf-8", "replace")
    return by_part


def typed(fields: Mapping[str, Field]) -> dict[str, str]:
    """The texts and ticks of the form, to fill it in again. Browsers let no page choose a file."""
    return {name: field.data.decode("utf-8", "replace") for name, field in fields.items() if not name.endswith(_FILE)}
