"""What a form holds: the fields of the API, where each part comes from, and what becomes of each file."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from app.pages.submission_form import ANSWER, FILE, FILES, ONCE, PLACE, START
from app.submissions import parts as uploaded_parts
from app.submissions import placing
from app.submissions.parts import Field
from app.submissions.placing import PASTED, PlacedFile, Placement, Reason
from app.submissions.submitting import OUTPUT
from grader.answers import read_answers
from grader.assignment import Assignment
from grader.parts import PartKind
from grader.submission import Part


class Origin(StrEnum):
    """Where the content of a part comes from."""

    TEXT = "text"
    FILE = "file"
    SEVERAL = "several"
    ATTEMPT = "attempt"


@dataclass(frozen=True)
class Source:
    """Where a part comes from; ``unused`` is what else the form holds for it."""

    origin: Origin
    filename: str | None
    size: int
    unused: tuple[Origin, ...]


@dataclass(frozen=True)
class FormContent:
    """The content of a form: ``fields`` of the API, and by part its source.

    ``overruled`` are the questions whose answer in a file differs from the choice that counts.
    """

    fields: Mapping[str, Field] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    files: tuple[PlacedFile, ...] = ()
    overruled: tuple[str, ...] = ()


def read(fields: Mapping[str, Field], assignment: Assignment, carried: Mapping[str, Part]) -> FormContent:
    """The content of a form that starts from the parts ``carried`` over.

    Of a part, a file that the student gave to it counts first, then its own file, its text, a file that fits it, and
    last the part that is carried over.
    """
    texts, files = _own(fields, assignment)
    own = {**texts, **files}
    choices = {name.removeprefix(PLACE): text for name, text in _texts(fields, PLACE).items()}
    placement = placing.place(assignment, _several(fields), choices, own, carried)
    parts = {**carried, **own, **placement.parts}
    result = {"assignment": Field(assignment.slug.encode(), None)}
    sources = {}
    for name, part in parts.items():
        if assignment.part(name).kind is not PartKind.ANSWERS:
            result[name] = Field(part.data, part.filename)
            held = [origin for origin, by_name in _by_origin(placement, files, texts, carried) if name in by_name]
            sources[name] = Source(held[0], part.filename, len(part.data), tuple(held[1:]))
    # What the form holds for a part outranks an output.
    wishes = {f"{OUTPUT}{part.name}" for part in assignment.parts if part.outputs and part.name not in parts}
    result |= {name: each for name, each in fields.items() if name in wishes}
    answers, overruled = _answers(fields, assignment, placement.parts)
    result |= {name: Field(json.dumps(by_number).encode(), None) for name, by_number in answers.items()}
    if "repair" in fields:
        result["repair"] = fields["repair"]
    return FormContent(result, sources, placement.files, overruled)


def unplaced(content: FormContent, fields: Mapping[str, Field]) -> list[str]:
    """The unused files whose reason the student has not read yet: the page had no row for them."""
    names = [file.name for file in content.files if file.reason not in (None, Reason.LEFT_OUT)]
    return [name for name in names if f"{PLACE}{name}" not in fields]


def once(fields: Mapping[str, Field], digest: str) -> str | None:
    """The idempotency key of a form with this digest; ``None`` for a form without a name."""
    name = fields[ONCE].data.decode("ascii", "replace") if ONCE in fields else ""
    return f"form {name} {digest}" if re.fullmatch(r"[\w-]{8,40}", name, re.ASCII) else None


def starting_attempt(fields: Mapping[str, Field]) -> int | None:
    """The number of the attempt from which the form starts."""
    text = fields[START].data if START in fields else b""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _own(fields: Mapping[str, Field], assignment: Assignment) -> tuple[dict[str, Part], dict[str, Part]]:
    """By part its pasted text, and its own file."""
    texts, files = {}, {}
    for part in assignment.parts:
        text, file = fields.get(part.name), fields.get(f"{part.name}{FILE}")
        if text is not None and part.kind in PASTED and text.data.strip():
            # Browsers send each line break of a text area as CR LF.
            texts[part.name] = Part(text.data.replace(b"\r\n", b"\n"))
        if file is not None and file.data:
            files[part.name] = Part(file.data, uploaded_parts.clean_file_name(file.filename))
    return texts, files


def _several(fields: Mapping[str, Field]) -> list[Part]:
    """The files of the field for several files. Browsers send an unused field as one file without a name."""
    return [
        Part(each.data, uploaded_parts.clean_file_name(each.filename) or "?")
        for name, each in fields.items()
        if name.startswith(f"{FILES}-") and (each.filename or each.data)
    ]


def _texts(fields: Mapping[str, Field], prefix: str) -> dict[str, str]:
    return {name: each.data.decode("utf-8", "replace") for name, each in fields.items() if name.startswith(prefix)}


def _by_origin(
    placement: Placement, files: Mapping[str, Part], texts: Mapping[str, Part], carried: Mapping[str, Part]
) -> Sequence[tuple[Origin, frozenset[str]]]:
    """The parts that the form holds from each origin, the origin that counts first."""
    whole = frozenset(file.part for file in placement.files if file.part and not file.reason and not file.is_joined)
    return (
        (Origin.SEVERAL, whole),
        (Origin.FILE, frozenset(files)),
        (Origin.TEXT, frozenset(texts)),
        (Origin.ATTEMPT, frozenset(carried)),
    )


def _answers(
    fields: Mapping[str, Field], assignment: Assignment, parts: Mapping[str, Part]
) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """By part of answers the answers of its questions, and the questions whose answer in a file does not count."""
    chosen = {name.removeprefix(ANSWER): text for name, text in _texts(fields, ANSWER).items() if text}
    by_part: dict[str, dict[str, str]] = defaultdict(dict)
    for name in assignment.part_names(PartKind.ANSWERS):
        if name in parts:
            by_part[name] |= read_answers(parts[name].data)
    overruled = []
    for question in assignment.questions:
        for name in assignment.part_names(PartKind.ANSWERS, question):
            if question.number in chosen:
                if by_part[name].get(question.number, chosen[question.number]) != chosen[question.number]:
                    overruled.append(question.number)
                by_part[name][question.number] = chosen[question.number]
    return {name: answers for name, answers in by_part.items() if answers}, tuple(overruled)
