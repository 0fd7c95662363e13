"""API schemas of review items."""

from __future__ import annotations

import uuid
from datetime import datetime
from statistics import fmean
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, computed_field, field_validator

from app.language import DEFAULT, LANGUAGES

_Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=r"^[^\x00]*$")]


class ItemValues(BaseModel):
    """What a change of a review item may set.

    ``text`` is by language; English is needed, and stands in for a missing one. ``deduction`` is taken off the full
    points of the question; 0 makes a remark. ``key`` is the digit that ticks the item. A ``retired`` item is not
    offered, has no key, and stays with whoever has it.
    """

    model_config = ConfigDict(extra="forbid")

    text: dict[str, _Words]
    deduction: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False)]
    key: Annotated[int | None, Field(ge=1, le=9)] = None
    retired: bool = False

    @field_validator("text")
    @classmethod
    def _languages(cls, text: dict[str, str]) -> dict[str, str]:
        if unknown := set(text) - set(LANGUAGES):
            raise ValueError(f"unknown language {min(unknown)[:16]!r}; known are {', '.join(LANGUAGES)}")
        if not text.get(DEFAULT):
            raise ValueError("the English text is missing")
        return {tag: words for tag, words in text.items() if words}


class NewItem(ItemValues):
    """A new review item of a question. Without a ``key`` it gets the first free digit."""

    question: Annotated[str, Field(max_length=16)]


class ItemView(ItemValues):
    """A review item. ``students`` is how many submissions have it; ``revision`` counts its changes."""

    model_config = ConfigDict(extra="ignore")

    id: int
    question: str
    revision: int
    students: int


class Effect(BaseModel):
    """A submission whose points of the question change."""

    submission: uuid.UUID
    student: str
    old: float
    new: float


class ItemPreview(BaseModel):
    """What a change of an item does: ``students`` have the item and read its text, ``effects`` are changed points."""

    item: int
    revision: int
    students: int
    effects: list[Effect]

    @computed_field
    def up(self) -> int:
        """How many points rise."""
        return sum(effect.new > effect.old for effect in self.effects)

    @computed_field
    def down(self) -> int:
        """How many points fall."""
        return sum(effect.new < effect.old for effect in self.effects)

    @computed_field
    def mean(self) -> float:
        """The mean change of those whose points change."""
        return round(fmean(effect.new - effect.old for effect in self.effects), 4) if self.effects else 0.0


class ItemChange(BaseModel):
    """A published change of an item."""

    by: str
    at: datetime
    before: ItemValues
    after: ItemValues
    changed: int
