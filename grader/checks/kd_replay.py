"""What a student needs to see a failure of question 2.1 at home: the tensors it was seen on, and what they should give.

Only tensors drawn for the student's own run are given away, redrawn from the seed in the evidence. The fixed cases are
the same for everybody and stay inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.assignment import Assignment, Question
from grader.evidence import KDLossEvidence
from reference_models.kd import cases, closed_form
from reference_models.kd.cases import Case

TERMS = ("hard_term", "soft_term", "mixture", "gradient")


@dataclass(frozen=True)
class Failure:
    """One case on which a part of the loss was wrong.

    ``expected`` and ``got`` are what the report says: the value, or of the ``gradient`` the element furthest off.
    ``value`` and ``gradient`` ``(N, C)`` are what a right loss gives, in float64.
    """

    term: str
    case: Case
    expected: float | None
    got: float | None
    value: float
    gradient: NDArray[np.float64]


def failures(assignment: Assignment, question: Question, evidence: KDLossEvidence) -> tuple[Failure, ...]:
    """The worst drawn case of each part that was wrong; when the loss raised on all, one drawn case to raise on.

    ``assignment`` is the version that the evidence was measured with. Empty when nothing failed on a drawn case, or
    the loss was never called.
    """
    drawn = [case for seed in evidence.seeds for case in _drawn(assignment, question, seed)]
    by_name = {(case.name, case.alpha): case for case in drawn}
    found = []
    for term in TERMS:
        told = getattr(evidence, term).drawn
        case = by_name.get((told["case"], told["alpha"])) if told else None
        if told and case is not None:
            found.append(Failure(term, case, told["expected"], told["got"], *closed_form.loss(case)))
    if not found and drawn and (evidence.error is not None or evidence.limit is not None):
        found.append(Failure("call", drawn[0], None, None, *closed_form.loss(drawn[0])))
    return tuple(found)


def _drawn(assignment: Assignment, question: Question, seed: int) -> tuple[Case, ...]:
    book = cases.read(assignment.files[question.options["cases"]])
    return book.fresh_cases(np.random.default_rng(seed), assignment.classes)
