"""Regrades as the API receives and sends them."""

from __future__ import annotations

import uuid
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from app.regrades.models import Kind, RegradeState
from app.regrades.selection import Condition, Text


class RegradeWish(BaseModel):
    """What to regrade. No ``questions`` means all of them."""

    model_config = ConfigDict(extra="forbid")

    assignment: Text = Field(description="The assignment's slug, e.g. hw13. Its newest published version is used.")
    kind: Kind = Field(description="`rescore` from stored evidence, or `remeasure` in the sandbox first.")
    where: Condition = Field(default_factory=Condition)
    questions: list[Text] = Field(default_factory=list, max_length=100, description="Numbers, e.g. 2.1.")


class RegradeFault(BaseModel):
    """A submission that could not be regraded. It stays as it is."""

    submission: uuid.UUID
    student: str
    reason: str


class RegradeView(BaseModel):
    """A regrade. ``done`` and ``total`` count submissions, ``changed`` the changes that students would see.

    ``rate`` is submissions a second while it runs, ``seconds_left`` an estimate from it. ``version`` is the
    assignment's version that scores; ``is_draft`` says that it is not published yet, nor can the regrade be.
    """

    id: uuid.UUID
    assignment: str
    version: int
    is_draft: bool
    kind: Kind
    state: RegradeState
    done: int
    total: int
    changed: int
    faults: list[RegradeFault]
    where: Condition
    questions: list[str]
    grader_version: str
    rate: float | None
    seconds_left: float | None
    failure: str | None
    created_by: str
    created_at: datetime
    previewed_at: datetime | None
    published_at: datetime | None
    ended_at: datetime | None


class ChangeView(BaseModel):
    """One question whose points, verdict or messages change. ``old`` and ``new`` are computed points.

    ``late`` in the place of the question stands for what is lost by handing in late: ``old`` and ``new`` are percent.

    ``override`` is what a person gave for the question: as long as that stands, it counts and nothing moves.
    """

    submission: uuid.UUID
    student: str
    question: str
    old: float | None
    new: float | None
    reason: str
    override: float | None
