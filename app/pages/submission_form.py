"""The form of an assignment: a card for each question, with the fields of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app import language
from app.presenting import filters
from app.submissions.parts import Field
from app.submissions.placing import PASTED, suffixes
from app.submissions.submitting import OUTPUT
from grader import telling
from grader.assignment import Assignment, Question, Tell
from grader.parts import PartDefinition, PartKind

ANSWER, FILE, PLACE, CARRY = "answer-", "-file", "place-", "carry-"
"""The beginning or the end of the names of fields: an answer, the file of a part, what a student wants done with one of
several files, and a part that is carried over from an earlier attempt."""
FILES, START = "files", "from"
ONCE = "once"
"""A name that each page of the form makes up, so that a form that is sent twice is one attempt."""
"""The field of several files, and that of the attempt from which the form starts."""
_CONTROL_BYTES = 256


@dataclass(frozen=True)
class Task:
    """A question as the form shows it: ``text`` is Markdown, ``choices`` are texts by key.

    Its ``part_titles`` are by name those of its parts whose field stands in another card.
    """

    number: str
    title: str
    points: str
    text: str
    choices: Mapping[str, str]
    is_told_later: bool
    part_titles: Mapping[str, str]


@dataclass(frozen=True)
class FormPart:
    """The fields of a part, and the numbers of the questions that use it."""

    name: str
    kind: PartKind
    title: str
    hint: str
    max_bytes: int
    is_pasted: bool
    accept: str
    questions: tuple[str, ...]


@dataclass(frozen=True)
class Card:
    """A question with the parts that only it uses, or a part that several questions or none use."""

    task: Task | None
    parts: tuple[FormPart, ...]


@dataclass(frozen=True)
class Form:
    """The form of one assignment. The cards are in the order of the questions; ``suffixes`` are of all its files."""

    cards: tuple[Card, ...]
    has_code: bool
    suffixes: tuple[str, ...]
    largest_file: int
    part_titles: Mapping[str, str]


def build(assignment: Assignment, tag: str) -> Form:
    """The form of an assignment in a language."""
    return Form(
        cards=tuple(_cards(assignment, tag)),
        has_code=any(part.kind is PartKind.CODE for part in assignment.parts),
        suffixes=tuple(dict.fromkeys(suffix for part in assignment.parts for suffix in suffixes(part))),
        largest_file=_largest_file(assignment),
        part_titles={part.name: language.text(part.title, tag) for part in assignment.parts},
    )


def _cards(assignment: Assignment, tag: str) -> Iterator[Card]:
    users = {
        part.name: [question.number for question in assignment.questions if part.name in question.parts]
        for part in assignment.parts
        if part.kind is not PartKind.ANSWERS
    }
    shown: set[str] = set()
    for question in assignment.questions:
        fields = [part for part in assignment.parts if part.name in question.parts and part.name in users]
        for part in fields:
            # A part that several questions use stands once, before the first of them.
            if len(users[part.name]) > 1 and part.name not in shown:
                yield Card(None, (_form_part(part, users[part.name], tag),))
            shown.add(part.name)
        own = [part for part in fields if len(users[part.name]) == 1]
        shared = [part for part in fields if part not in own]
        yield Card(
            _task(assignment, question, shared, tag), tuple(_form_part(part, users[part.name], tag) for part in own)
        )
    for part in assignment.parts:
        if part.name in users and part.name not in shown:
            yield Card(None, (_form_part(part, [], tag),))


def _form_part(part: PartDefinition, users: Sequence[str], tag: str) -> FormPart:
    return FormPart(
        name=part.name,
        kind=part.kind,
        title=language.text(part.title, tag),
        hint=language.text(part.hint, tag) if part.hint else "",
        max_bytes=part.limit,
        is_pasted=part.kind in PASTED,
        accept=",".join(suffixes(part)),
        questions=tuple(users),
    )


def _task(assignment: Assignment, question: Question, shared: Sequence[PartDefinition], tag: str) -> Task:
    return Task(
        number=question.number,
        title=language.text(question.title, tag),
        points=filters.points(question.points),
        text=question.task(tag),
        choices={key: language.text(texts, tag) for key, texts in question.options.get("choices", {}).items()},
        is_told_later=telling.rule(assignment, question) is not Tell.AT_ONCE,
        part_titles={part.name: language.text(part.title, tag) for part in shared},
    )


def size_limits(assignment: Assignment) -> Callable[[str], int | None]:
    """The largest size in bytes of every field of the form by its name, ``None`` for a field that it does not have."""
    parts = [part for part in assignment.parts if part.kind is not PartKind.ANSWERS]
    limits = {f"{part.name}{FILE}": part.limit for part in parts}
    limits |= {part.name: part.limit for part in parts if part.kind in PASTED}
    limits |= {f"{CARRY}{part.name}": _CONTROL_BYTES for part in parts}
    limits |= {f"{ANSWER}{question.number}": _CONTROL_BYTES for question in assignment.questions}
    limits |= {f"{OUTPUT}{part.name}": _CONTROL_BYTES for part in parts if part.outputs}
    limits |= {FILES: _largest_file(assignment)} | dict.fromkeys((START, ONCE, "repair"), _CONTROL_BYTES)
    return lambda name: _CONTROL_BYTES if name.startswith(PLACE) else limits.get(name)


def _largest_file(assignment: Assignment) -> int:
    return max(part.limit for part in assignment.parts)


def without_outputs(fields: Mapping[str, Field]) -> dict[str, Field]:
    """The fields without the wish to take parts from outputs, which end when the notebook changes."""
    return {name: field for name, field in fields.items() if not name.startswith(OUTPUT)}


def typed(fields: Mapping[str, Field]) -> dict[str, str]:
    """The texts and ticks of the form, to fill it in again. Browsers let no page choose a file."""
    return {
        name: field.data.decode("utf-8", "replace")
        for name, field in fields.items()
        if not name.endswith(FILE) and field.filename is None
    }
