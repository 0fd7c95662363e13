"""Which known mistake answers as the hand-in did, from the table that `reference_models.kd.tabulate` made."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from reference_models.kd.fingerprint import Fingerprint

TOLERANCE = 1e-3
"""Relative, with a floor of 0.1 for the scale. Unless they are equivalent on all tensors, two mistakes differ by 0.036
or more on some fixed case; the same mistake in float32 is off by less than 1e-4."""
FLOOR = 0.1
DETACHED = "kd.gradient.detached"


@dataclass(frozen=True)
class KnownLoss:
    """One loss of the bank: the ids of what is wrong with it, and its answers on the fixed cases in order."""

    ids: tuple[str, ...]
    answers: tuple[Fingerprint, ...]


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, and the other known mistakes that answer alike, each as its ids."""

    ids: tuple[str, ...]
    also: tuple[tuple[str, ...], ...] = ()


@lru_cache(maxsize=4)
def table(case_text: str, table_text: str) -> tuple[KnownLoss, ...]:
    """Read a table. Raises ``ValueError`` when it was made for other cases."""
    data = json.loads(table_text)
    if data["cases_sha256"] != hashlib.sha256(case_text.encode()).hexdigest():
        raise ValueError("the table of known mistakes belongs to other cases: run reference_models.kd.tabulate")
    return tuple(
        KnownLoss(tuple(mistake["ids"]), tuple(_fingerprint(*answer) for answer in answers))
        for mistake in data["mistakes"]
        for answers in mistake["answers"]
    )


def _fingerprint(shape: list[int] | None, value: float | None, gradient: list[Any] | None) -> Fingerprint:
    return Fingerprint(
        shape=None if shape is None else tuple(shape),
        value=math.nan if value is None else value,
        gradient=None if gradient is None else tuple(math.nan if number is None else number for number in gradient),
    )


def diagnose(answers: Sequence[Fingerprint], known: Sequence[KnownLoss]) -> Diagnosis | None:
    """The mistakes that reproduce every answer on the fixed cases, values and gradients; the simplest leads.

    A loss whose value depends on nothing that can be trained is also compared by its values alone, if it has any: then
    the mistake comes with `DETACHED`.
    """
    matches = _matches(answers, known)
    detached = all(answer.gradient is None for answer in answers)
    if not matches and detached and any(math.isfinite(answer.value) for answer in answers):
        without = [KnownLoss((*loss.ids, DETACHED), tuple(map(_detached, loss.answers))) for loss in known]
        matches = _matches(answers, without)
    if not matches:
        return None
    return Diagnosis(matches[0], tuple(matches[1:]))


def _matches(answers: Sequence[Fingerprint], known: Sequence[KnownLoss]) -> list[tuple[str, ...]]:
    found = [loss.ids for loss in known if len(answers) == len(loss.answers) and all(map(alike, answers, loss.answers))]
    return list(dict.fromkeys(found))


def _detached(answer: Fingerprint) -> Fingerprint:
    return replace(answer, gradient=None)


def alike(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether two answers agree within the tolerance. NaN agrees with NaN, none with none."""
    if one.shape != other.shape or (one.gradient is None) is not (other.gradient is None):
        return False
    pairs = zip((one.value, *(one.gradient or ())), (other.value, *(other.gradient or ())), strict=True)
    return all(_close(a, b) for a, b in pairs)


def _close(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other), FLOOR)
