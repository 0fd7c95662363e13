"""A loss that takes no alpha or no temperature: which ones does it have built in, if it is right apart from that?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.checks.binding import NUMBERS, Plan, Role
from grader.checks.kd_calls import Answer
from grader.evidence import Note
from reference_models.kd import closed_form
from reference_models.kd.cases import Case, Term

TEMPERATURES = (1.0, *np.arange(1.5, 10.5, 0.5).tolist(), 12.0, 15.0, 16.0, 20.0)
"""Temperatures that people write into their code."""
TOLERANCE = 1e-3
"""Relative, with the examiner's floor for the scale."""
FLOOR = 0.1


def built_in(plan: Plan, cases: Sequence[Case], answers: Sequence[Answer]) -> Note | None:
    """The numbers with which a right loss gives every one of these answers; ``None`` when there are none.

    One alpha in all cases is found by least squares for each temperature: the loss is linear in it.
    """
    if not set(NUMBERS) - plan.roles:
        return None
    numbers = [answer.number for answer in answers]
    if any(number is None for number in numbers):
        return None
    got = np.asarray(numbers, np.float64)
    hard = np.array([_term(case, 0.0, 1.0) for case in cases])
    found: list[tuple[float, float, float | None]] = []
    for temperature in (None,) if Role.TEMPERATURE in plan.roles else TEMPERATURES:
        soft = np.array([_term(case, 1.0, temperature or case.temperature) for case in cases])
        apart = soft - hard
        if Role.ALPHA in plan.roles:
            alpha = np.array([case.alpha for case in cases])
        else:
            alpha = np.full(len(got), float(apart @ (got - hard) / (apart @ apart)))
        off = np.abs(got - hard - alpha * apart) / np.maximum(np.abs(got), FLOOR)
        found.append((float(off.max()), float(alpha.mean()), temperature))
    error, alpha_built_in, built = min(found, key=lambda fit: fit[0])
    if error > TOLERANCE or not 0 < alpha_built_in < 1:
        return None
    shown = {} if Role.ALPHA in plan.roles else {"alpha": round(alpha_built_in, 3)}
    return Note(id="kd.call.built_in", params=shown | ({} if built is None else {"temperature": built}))


def _term(case: Case, alpha: float, temperature: float) -> float:
    return closed_form.loss(Case(case.inputs, Term.MIXTURE, alpha, temperature))[0]
