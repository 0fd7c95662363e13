"""Put a number in the place of a person in the audit log.

A redacted entry keeps its hash, which its content does not fit any more. The entry about the deletion lists the
redacted ones and is part of the chain itself, so that `app.audit.service.first_broken` accepts those alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.audit import repository

ACTION = "person.delete"
"""The action of an entry whose ``entries`` were redacted."""


@dataclass(frozen=True)
class Person:
    """How the log may name a person; ``submissions`` are the ids of their submissions."""

    login: str
    name: str
    student_id: str | None
    submissions: frozenset[str]


def mentioning(session: Session, person: Person) -> list[int]:
    """The ids of the entries that name a person or one of their submissions with a text."""
    return [entry.id for entry, _ in _redacted(session, person, "-")]


def redact(session: Session, person: Person, number: str) -> list[int]:
    """Write the number into every entry that names the person. Returns their ids."""
    redacted = [(entry.id, values) for entry, values in _redacted(session, person, number)]
    for identifier, values in redacted:
        repository.rewrite(session, identifier, values)
    return [identifier for identifier, _ in redacted]


def _redacted(session: Session, person: Person, number: str) -> Iterator[tuple[Row[Any], dict[str, Any]]]:
    """The entries that change, each with its new columns."""
    for entry in repository.entries(session):
        parts = entry.subject.split("/")
        is_about = person.login in parts or parts[0] in person.submissions
        values = {
            "actor": number if entry.actor == person.login else entry.actor,
            "subject": "/".join(number if part == person.login else part for part in parts),
            "detail": _without(entry.detail, person, number, is_about=is_about),
        }
        if any(values[name] != getattr(entry, name) for name in values):
            yield entry, values


def _without(value: Any, person: Person, number: str, *, is_about: bool) -> Any:
    """A detail without the person's names; of an entry about the person without any text but the role."""
    if isinstance(value, dict):
        return {
            key: item if key == "role" else _without(item, person, number, is_about=is_about)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_without(item, person, number, is_about=is_about) for item in value]
    if not isinstance(value, str):
        return value
    if value == person.login:
        return number
    return "" if is_about or value in (person.name, person.student_id) else value
