"""The cases on which a distillation loss is examined: fixed ones from a data file, and fresh ones for each run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

REMARKS = ("batch_of_one", "large_logits")
"""Unusual inputs that cost no points; each has a text in the message catalogue."""


class Term(StrEnum):
    """The part of the loss that a case examines: ``alpha = 0``, ``alpha = 1``, or a value in between."""

    HARD = "hard"
    SOFT = "soft"
    MIXTURE = "mixture"


@dataclass(frozen=True)
class Inputs:
    """One batch: logits ``(N, C)`` in float32, as a notebook has them, and labels ``(N,)`` in int64."""

    name: str
    student: NDArray[np.float32]
    labels: NDArray[np.int64]
    teacher: NDArray[np.float32]

    def __post_init__(self) -> None:
        rows, classes = self.student.shape
        if self.teacher.shape != (rows, classes) or self.labels.shape != (rows,):
            raise ValueError(f"inputs {self.name}: the shapes do not match")
        if not ((self.labels >= 0) & (self.labels < classes)).all():
            raise ValueError(f"inputs {self.name}: a label is no class")


@dataclass(frozen=True)
class Case:
    """One call of the loss."""

    inputs: Inputs
    term: Term
    alpha: float
    temperature: float

    @property
    def name(self) -> str:
        """A name for reports, e.g. ``fixed-1/soft/T=4``."""
        return f"{self.inputs.name}/{self.term}/T={self.temperature:g}"


@dataclass(frozen=True)
class CaseBook:
    """An assignment's case file: fixed inputs, the settings tried on each, and how fresh inputs are drawn."""

    inputs: tuple[Inputs, ...]
    settings: tuple[tuple[Term, float, float], ...]
    remarks: tuple[Inputs, ...]
    """One for each of `REMARKS`."""
    fresh_inputs: int
    fresh_batch: tuple[int, int]
    fresh_temperature: tuple[float, float]

    def fixed_cases(self) -> tuple[Case, ...]:
        """Every setting on every fixed input, in the order of the file."""
        return tuple(Case(inputs, *setting) for inputs in self.inputs for setting in self.settings)

    def fresh_cases(self, rng: np.random.Generator, classes: int) -> tuple[Case, ...]:
        """Random cases in full precision: logits, labels, batch sizes, temperatures, and weights of the mixtures.

        The last inputs are a batch of one. The temperatures of each are spread evenly over the range, by logarithm.
        """
        cases: list[Case] = []
        low, high = np.log(self.fresh_temperature)
        count = len(self.settings)
        for number in range(1, self.fresh_inputs + 2):
            batch = int(rng.integers(*self.fresh_batch, endpoint=True)) if number <= self.fresh_inputs else 1
            inputs = draw(rng, f"fresh-{number}", batch, classes)
            places = (rng.permutation(count) + rng.uniform(size=count)) / count
            for (term, alpha, _), place in zip(self.settings, places, strict=True):
                temperature = float(np.exp(low + (high - low) * place))
                weight = float(rng.uniform(0.1, 0.9)) if term is Term.MIXTURE else alpha
                cases.append(Case(inputs, term, weight, temperature))
        return tuple(cases)


def draw(rng: np.random.Generator, name: str, batch: int, classes: int, *, rounded: bool = False) -> Inputs:
    """Random inputs with logits like a trained network's: normal, the teacher's with more spread, none beyond 4.

    The bound keeps every probability above 1e-4, so that ``log(softmax(x) + 1e-8)`` stays within the tolerances. With
    ``rounded``, for a file, they are cut at the bound and have three decimals; else the tails are bent, because equal
    or short numbers would tell a loss that it is examined.
    """

    def logits(scale: float) -> NDArray[np.float32]:
        values = rng.normal(0.0, scale, (batch, classes))
        bounded = np.round(np.clip(values, -4.0, 4.0), 3) if rounded else 4.0 * np.tanh(values / 4.0)
        return bounded.astype(np.float32)

    return Inputs(name, logits(1.5), rng.integers(0, classes, batch), logits(2.0))


def read(text: str) -> CaseBook:
    """Read a case file. Raises ``ValueError``, ``KeyError`` or ``TypeError`` for an invalid one."""
    data = json.loads(text)
    settings = tuple(
        (term, float(alpha), float(temperature)) for term in Term for alpha, temperature in data["settings"][term]
    )
    alphas = {Term.HARD: 0.0, Term.SOFT: 1.0}
    for term, alpha, temperature in settings:
        if temperature <= 0 or alpha != alphas.get(term, alpha):
            raise ValueError(f"alpha {alpha}, temperature {temperature} is no setting for the {term} term")
    remarks = tuple(_inputs(entry) for entry in data["remarks"])
    if tuple(inputs.name for inputs in remarks) != REMARKS:
        raise ValueError(f"the remarks are about {', '.join(REMARKS)}")
    fresh = data["fresh"]
    return CaseBook(
        inputs=tuple(_inputs(entry) for entry in data["inputs"]),
        settings=settings,
        remarks=remarks,
        fresh_inputs=int(fresh["inputs"]),
        fresh_batch=(int(fresh["batch"][0]), int(fresh["batch"][1])),
        fresh_temperature=(float(fresh["temperature"][0]), float(fresh["temperature"][1])),
    )


def _inputs(entry: dict[str, Any]) -> Inputs:
    return Inputs(
        name=str(entry["name"]),
        student=np.asarray(entry["student"], dtype=np.float32),
        labels=np.asarray(entry["labels"], dtype=np.int64),
        teacher=np.asarray(entry["teacher"], dtype=np.float32),
    )
