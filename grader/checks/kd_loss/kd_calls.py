"""Call a submitted loss in its sandbox, and read the answer from its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.checks.kd_loss.binding import CallPlan, Role
from grader.evidence import Outcome, StudentError
from grader.sandbox import claims
from grader.sandbox.replies import Array, Child, Reply
from reference_models.kd.cases import Case
from reference_models.kd.fingerprint import Fingerprint, fingerprint

REPEAT_TOLERANCE = 1e-6
"""Relative: the largest difference between two answers to the same call. One thread gives the same bits twice."""


@dataclass(frozen=True)
class Answer:
    """The answer to one call.

    ``value`` keeps its shape; it is None when the loss raised ``error`` or returned no number (``kind`` names the
    type). ``gradient`` ``(N, C)`` is None when the value does not depend on the student's logits.
    """

    kind: str = ""
    value: NDArray[np.float64] | None = None
    gradient: NDArray[np.float64] | None = None
    error: StudentError | None = None

    @property
    def number(self) -> float | None:
        """The value if it is one finite number, else None."""
        if self.value is None or self.value.size != 1 or not np.isfinite(self.value).all():
            return None
        return float(self.value.reshape(()))

    @property
    def fingerprint(self) -> Fingerprint | None:
        """For the diagnosis; None when no known mistake can give this answer."""
        if self.error is not None or (self.value is None and self.kind != "NoneType"):
            return None
        return fingerprint(self.value, self.gradient)

    def repeats(self, other: Answer) -> bool:
        """Whether a second call gave the same answer."""
        if (self.kind, self.error is None) != (other.kind, other.error is None):
            return False
        return _same(self.value, other.value) and _same(self.gradient, other.gradient)


def _same(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> bool:
    if one is None or other is None:
        return one is other
    tolerance = REPEAT_TOLERANCE
    return one.shape == other.shape and np.allclose(one, other, rtol=tolerance, atol=tolerance, equal_nan=True)


def call(
    child: Child, plan: CallPlan, case: Case, changed: Mapping[Role, Array] | None = None, *, strided: bool = False
) -> Reply:
    """Call the loss on a case, with some of its tensors ``changed``, or with all of them not contiguous."""
    tensors: dict[Role, Array] = {
        Role.STUDENT: case.inputs.student,
        Role.LABELS: case.inputs.labels,
        Role.TEACHER: case.inputs.teacher,
        **(changed or {}),
    }
    slots: dict[Role, dict[str, Any]] = {
        Role.STUDENT: {"student": 0},
        Role.LABELS: {"array": 1},
        Role.TEACHER: {"array": 2},
        Role.ALPHA: {"value": case.alpha},
        Role.TEMPERATURE: {"value": case.temperature},
        Role.SETTINGS: {"settings": {"alpha": case.alpha, "temperature": case.temperature}},
    }
    meta = {
        "entry": plan.entry,
        "args": [slots[role] for role in plan.args],
        "kwargs": {name: slots[role] for name, role in plan.kwargs.items()},
        "init_kwargs": {name: slots[role] for name, role in (plan.init_kwargs or {}).items()},
        "grad": True,
    }
    if strided:
        meta["strided"] = True
    return child.request("loss.call", meta, tuple(tensors.values()))


def read(reply: Reply, case: Case) -> Answer:
    """The answer in a reply that is ``ok`` or ``error``, without arrays that are no numbers or have a wrong shape."""
    if reply.outcome is Outcome.ERROR:
        return Answer(error=reply.error or StudentError(type="Exception", message=""))
    arrays = [_numbers(array) for array in reply.arrays]
    gradient = arrays[1] if len(arrays) > 1 else None
    if gradient is not None and gradient.shape != case.inputs.student.shape:
        gradient = None
    return Answer(kind=claims.text(reply.meta.get("kind")), value=arrays[0] if arrays else None, gradient=gradient)


def _numbers(array: Array) -> NDArray[np.float64] | None:
    return array.astype(np.float64) if array.dtype.kind in "fiu" else None


@dataclass(frozen=True)
class Examination:
    """The answers to all cases, in the order of the cases.

    ``repeatable``: repeated calls gave the same answer. ``changes_arguments``: a call wrote into its tensors.
    ``stopped`` is the reply that ended the child, if one did; then ``answers`` is empty.
    """

    answers: tuple[Answer, ...] = ()
    repeatable: bool = True
    changes_arguments: bool = False
    stopped: Reply | None = None


def examine(child: Child, plan: CallPlan, cases: Sequence[Case], order: Iterable[int]) -> Examination:
    """Call the loss on the cases by their indices in ``order``, which names every case at least once."""
    answers: dict[int, Answer] = {}
    repeatable, changes = True, False
    for index in order:
        reply = call(child, plan, cases[index])
        if reply.outcome not in (Outcome.OK, Outcome.ERROR):
            return Examination(stopped=reply)
        answer = read(reply, cases[index])
        changes = changes or reply.meta.get("changed") is True
        repeatable = answers.setdefault(index, answer).repeats(answer) and repeatable
    return Examination(tuple(answers[index] for index in range(len(cases))), repeatable, changes)
