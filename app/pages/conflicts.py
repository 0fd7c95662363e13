"""Refused decisions: the question has changed since its page was made, so the page shows both states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Form

from app.problems import Problem, Unprocessable
from app.scores.service import ChangedMeanwhile
from app.scores.standing import Revision

RevisionField = Annotated[str, Form(max_length=100)]
"""The hidden form field with the revision that the page shows; scripts may leave it out."""
Wish = Literal["points", "keep", "computed", "confirm", "items", "undo"]


@dataclass(frozen=True)
class Conflict:
    """The state that a page showed, the current state, and the decision; ``score`` and ``reason`` are as typed."""

    question: str
    basis: Revision | None
    stands: Mapping[str, Any]
    wish: Wish
    score: str = ""
    reason: str = ""


@dataclass(frozen=True)
class RefusedDecision:
    """A refused decision as it was typed, for the question's form to show again."""

    question: str
    score: str
    reason: str
    conflict: Conflict | None
    items: tuple[int, ...] = ()


def revision(field: str) -> Revision | None:
    """The revision in a form's field, ``None`` if it is empty. Raises `Unprocessable`."""
    try:
        return Revision.parse(field) if field else None
    except ValueError:
        raise Unprocessable(f"{field!r} is not a revision of a question.") from None


def of_problem(problem: Problem, field: str, wish: Wish, score: str = "", reason: str = "") -> Conflict | None:
    """The conflict behind a problem, if there is one."""
    if not isinstance(problem, ChangedMeanwhile):
        return None
    return Conflict(problem.members["question"], revision(field), problem.members["stands"], wish, score, reason)
