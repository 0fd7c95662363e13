"""The tensors and expected results with which a student can repeat a failure of question 2.1 at home.

They are drawn again from the seed in the evidence and belong to the student's own run. The fixed cases are the same for
all students and stay secret.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.assignment import Assignment, Question
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.kd_loss.options import KDLossOptions
from reference_models.kd import cases, closed_form
from reference_models.kd.cases import Case

SCRIPT = Path(__file__).with_name("replay_loss.py")
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


def files(assignment: Assignment, question: Question, evidence: KDLossEvidence | None) -> dict[str, str]:
    """The files of the replay archive, if the loss was called: a script, the call and the `failures`."""
    if evidence is None or not evidence.call:
        return {}
    failed = [_case(failure) for failure in failures(assignment, question, evidence)]
    return {
        SCRIPT.name: SCRIPT.read_text(encoding="utf-8"),
        "call.py": f"value = {evidence.call}\n",
        "cases.json": json.dumps(failed, indent=1) + "\n",
    }


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


def _case(failure: Failure) -> dict[str, Any]:
    """A case as JSON data: logits ``(N, C)``, labels ``(N,)``."""
    inputs = failure.case.inputs
    return {
        "term": failure.term,
        "case": failure.case.name,
        "alpha": failure.case.alpha,
        "temperature": failure.case.temperature,
        "student_logits": [[float(str(number)) for number in row] for row in inputs.student],
        "labels": inputs.labels.tolist(),
        "teacher_logits": [[float(str(number)) for number in row] for row in inputs.teacher],
        "value": failure.value,
        "gradient": failure.gradient.tolist(),
        "expected": failure.expected,
        "got": failure.got,
    }
