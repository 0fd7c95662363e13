"""Find the constant alpha or temperature of a loss that takes none and is right otherwise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from grader.checks.kd_loss.binding import NUMBERS, CallPlan, Role
from grader.checks.kd_loss.evidence import KDFact
from grader.checks.kd_loss.kd_calls import Answer
from grader.evidence import Observation
from reference_models.kd import closed_form
from reference_models.kd.cases import Case, Term

TEMPERATURES = (1.0, *np.arange(1.5, 10.5, 0.5).tolist(), 12.0, 15.0, 16.0, 20.0)
"""Temperatures that people write as constants into their code."""
TOLERANCE = 1e-3
"""Relative, with the examiner's floor for the scale."""
FLOOR = 0.1


def built_in(plan: CallPlan, cases: Sequence[Case], answers: Sequence[Answer]) -> Observation | None:
    """The constants with which a right loss gives each of these answers; ``None`` when there are none.

    The loss is linear in alpha, so least squares find one alpha over all cases for each temperature.
    """
    if not set(NUMBERS) - plan.roles:
        return None
    numbers = [answer.number for answer in answers]
    if any(number is None for number in numbers):
        return None
    got = np.asarray(numbers, np.float64)
    hard = np.array([_term(case, 0.0, 1.0) for case in cases])
    fits: list[tuple[float, float, float | None]] = []
    for temperature in (None,) if Role.TEMPERATURE in plan.roles else TEMPERATURES:
        soft = np.array([_term(case, 1.0, temperature or case.temperature) for case in cases])
        difference = soft - hard
        if Role.ALPHA in plan.roles:
            alpha = np.array([case.alpha for case in cases])
        else:
            alpha = np.full(len(got), float(difference @ (got - hard) / (difference @ difference)))
        errors = np.abs(got - hard - alpha * difference) / np.maximum(np.abs(got), FLOOR)
        fits.append((float(errors.max()), float(alpha.mean()), temperature))
    error, constant_alpha, constant_temperature = min(fits, key=lambda fit: fit[0])
    if error > TOLERANCE or not 0 < constant_alpha < 1:
        return None
    params = {} if Role.ALPHA in plan.roles else {"alpha": round(constant_alpha, 3)}
    params |= {} if constant_temperature is None else {"temperature": constant_temperature}
    return Observation(id=KDFact.CALL_BUILT_IN, params=params)


def _term(case: Case, alpha: float, temperature: float) -> float:
    return closed_form.loss(Case(case.inputs, Term.MIXTURE, alpha, temperature))[0]
