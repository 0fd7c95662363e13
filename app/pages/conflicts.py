"""Decisions that are refused because the question has changed since the page showed it, and how to decide again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Form

from app.problems import Problem, Unprocessable
from app.scores.service import ChangedMeanwhile
from app.scores.standing import Revision

RevisionField = Annotated[str, Form(max_length=100)]
"""The hidden field in which a form sends the revision of what the page shows; scripts may leave it out."""
Wish = Literal["points", "keep", "computed", "undo"]


@dataclass(frozen=True)
class Conflict:
    """What a person saw, what stands now, and what the person wanted: ``score`` and ``reason`` as they were typed."""

    question: str
    basis: Revision | None
    stands: Mapping[str, Any]
    wish: Wish
    score: str = ""
    reason: str = ""


@dataclass(frozen=True)
class RefusedDecision:
    """A decision about a question that was refused, as it was typed, for the question's form to show again."""

    question: str
    score: str
    reason: str
    conflict: Conflict | None


def revision(field: str) -> Revision | None:
    """The revision that a form sent, if it did. Raises `Unprocessable`."""
    try:
        return Revision.parse(field) if field else None
    except ValueError:
        raise Unprocessable(f"{field!r} is not a revision of a question.") from None


def of_problem(problem: Problem, field: str, wish: Wish, score: str = "", reason: str = "") -> Conflict | None:
    """The conflict that a problem tells of, if it does."""
    if not isinstance(problem, ChangedMeanwhile):
        return None
    return Conflict(problem.members["question"], revision(field), problem.members["stands"], wish, score, reason)
