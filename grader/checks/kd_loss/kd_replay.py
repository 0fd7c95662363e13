"""The tensors and expected results with which a student can repeat a failure of question 2.1 at home.

They are drawn again from the seed in the evidence and belong to the student's own run. The fixed cases are the same for
all students and stay secret.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.assignment import Assignment, Question
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.kd_loss.options import KDLossOptions
from reference_models.kd import cases, closed_form
from reference_models.kd.cases import Case

TERMS = ("hard_term", "soft_term", "mixture", "gradient")


@dataclass(frozen=True)
class Failure:
    """One case on which a term of the loss was wrong.

    ``expected`` and ``got`` are the numbers of the report: the value, or the ``gradient``'s element furthest off.
    ``value`` and ``gradient`` ``(N, C)`` are the results of a right loss, in float64.
    """

    term: str
    case: Case
    expected: float | None
    got: float | None
    value: float
    gradient: NDArray[np.float64]


def failures(assignment: Assignment, question: Question, evidence: KDLossEvidence) -> tuple[Failure, ...]:
    """The worst drawn case of each wrong term, or one drawn case if the loss raised on all.

    ``assignment`` is the version of the evidence. Empty when no drawn case failed, or the loss was never called.
    """
    drawn = [case for seed in evidence.seeds for case in _drawn(assignment, question, seed)]
    by_name = {(case.name, case.alpha): case for case in drawn}
    results = []
    for term in TERMS:
        worst = getattr(evidence, term).drawn
        case = by_name.get((worst["case"], worst["alpha"])) if worst else None
        if worst and case is not None:
            results.append(Failure(term, case, worst["expected"], worst["got"], *closed_form.loss(case)))
    if not results and drawn and (evidence.error is not None or evidence.limit is not None):
        results.append(Failure("call", drawn[0], None, None, *closed_form.loss(drawn[0])))
    return tuple(results)


def _drawn(assignment: Assignment, question: Question, seed: int) -> tuple[Case, ...]:
    options = question.typed_options(KDLossOptions)
    return cases.read(assignment.files[options.cases]).fresh_cases(np.random.default_rng(seed), options.classes)
