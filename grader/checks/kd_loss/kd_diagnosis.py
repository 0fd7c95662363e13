"""Find the known mistake that gives the same answers as a loss, in the table of `reference_models.kd.tabulate`."""

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
"""Relative, with a floor of 0.1 for the scale. Two mistakes that are not equivalent differ by at least 0.036 on some
fixed case; the same mistake in float32 is off by less than 1e-4."""
FLOOR = 0.1
DETACHED = "kd.gradient.detached"


@dataclass(frozen=True)
class KnownLoss:
    """One loss of the table: the ids of its mistakes, and its answers on the fixed cases in order."""

    ids: tuple[str, ...]
    answers: tuple[Fingerprint, ...]


@dataclass(frozen=True)
class Diagnosis:
    """The ids of the mistakes, and those of other known losses with the same answers."""

    ids: tuple[str, ...]
    also: tuple[tuple[str, ...], ...] = ()


@lru_cache(maxsize=4)
def table(case_text: str, table_text: str) -> tuple[KnownLoss, ...]:
    """Read a table. Raises ``ValueError`` when it belongs to other cases."""
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
    """The mistakes that reproduce every value and gradient on the fixed cases, the simplest first.

    A loss without gradients is also compared by its values alone, if it has any; then `DETACHED` is added.
    """
    matches = _matches(answers, known)
    detached = all(answer.gradient is None for answer in answers)
    if not matches and detached and any(math.isfinite(answer.value) for answer in answers):
        without_gradients = [
            KnownLoss((*loss.ids, DETACHED), tuple(replace(answer, gradient=None) for answer in loss.answers))
            for loss in known
        ]
        matches = _matches(answers, without_gradients)
    if not matches:
        return None
    return Diagnosis(matches[0], tuple(matches[1:]))


def _matches(answers: Sequence[Fingerprint], known: Sequence[KnownLoss]) -> list[tuple[str, ...]]:
    same_length = [loss for loss in known if len(answers) == len(loss.answers)]
    return list(dict.fromkeys(loss.ids for loss in same_length if all(map(alike, answers, loss.answers))))


def alike(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether two answers agree within the tolerance. NaN agrees with NaN, None with None."""
    if one.shape != other.shape or (one.gradient is None) is not (other.gradient is None):
        return False
    pairs = zip((one.value, *(one.gradient or ())), (other.value, *(other.gradient or ())), strict=True)
    return all(_close(a, b) for a, b in pairs)


def _close(one: float, other: float) -> bool:
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other), FLOOR)
