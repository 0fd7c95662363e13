"""The other calls of a loss that its signature allows, where names do not say which tensor or number is which."""

from __future__ import annotations

import itertools
from dataclasses import replace

from grader.checks.kd_loss.binding import NUMBERS, TENSORS, CallPlan, Role, meaning_of
from grader.checks.signatures import plain_name

_NUMBER_READINGS = 2
"""Readings of the numbers that are tried with each other order of the tensors."""
_LABELS_OR_TEACHER = frozenset({"targets", "target", "tgt", "y", "ya", "t"})
_STUDENT_OR_TEACHER = frozenset({
    "outputs", "output", "logits", "logit", "preds", "pred", "predictions", "prediction", "out", "inputs", "input",
    "yhat", "ypred",
})  # fmt: skip
_OPEN_NAMES: tuple[tuple[frozenset[str], frozenset[Role]], ...] = (
    (_LABELS_OR_TEACHER, frozenset({Role.LABELS, Role.TEACHER})),
    (frozenset({"ys"}), frozenset({Role.STUDENT, Role.LABELS})),
    (_STUDENT_OR_TEACHER, frozenset({Role.STUDENT, Role.TEACHER})),
)
"""Names that leave open which tensor is meant, with those that it may be."""


def other_readings(plan: CallPlan) -> list[CallPlan]:
    """Other calls that the signature allows, if names do not say which number or which tensor is which."""
    numbers = _with_other_numbers(plan)
    orders = _with_other_tensors(plan)
    return [*orders, *numbers, *(other for order in orders for other in _with_other_numbers(order)[:_NUMBER_READINGS])]


def _with_other_tensors(plan: CallPlan) -> list[CallPlan]:
    """The plan with its tensors in every other order that the names allow."""
    bound = {name: role for name, role in plan.kwargs.items() if role in TENSORS}
    if len(bound) < len(TENSORS):
        return []  # some are passed by position alone
    choices = [_possible_tensors(name) for name in bound]
    plans = []
    for order in itertools.permutations(TENSORS):
        roles = dict(zip(bound, order, strict=True))
        if roles == bound or not all(role in allowed for role, allowed in zip(order, choices, strict=True)):
            continue
        reordered = tuple(name for name, role in roles.items() if bound[name] is not role)
        by_position = tuple(name for name in plan.by_position if name not in bound)
        plans.append(replace(plan, kwargs={**plan.kwargs, **roles}, by_position=by_position, reordered=reordered))
    return plans


def _possible_tensors(name: str) -> frozenset[Role]:
    """The tensors that a parameter of this name may be; all of them, if the name says nothing."""
    plain = plain_name(name)
    for names, roles in _OPEN_NAMES:
        if plain in names:
            return roles
    meaning = meaning_of(name)
    return frozenset({meaning[0]}) if meaning is not None and meaning[0] in TENSORS else frozenset(TENSORS)


def _with_other_numbers(plan: CallPlan) -> list[CallPlan]:
    """The plan with its numbers exchanged, or with a missing number for a parameter that kept its default."""
    readings = []
    bound = {name: role for name, role in {**plan.kwargs, **(plan.init_kwargs or {})}.items() if role in NUMBERS}
    if len(bound) == len(NUMBERS) and bound.keys() <= set(plan.by_position):
        swapped = dict(zip(NUMBERS, reversed(NUMBERS), strict=True))
        kwargs = {name: swapped.get(role, role) for name, role in plan.kwargs.items()}
        init = {name: swapped.get(role, role) for name, role in (plan.init_kwargs or {}).items()}
        readings.append(replace(plan, kwargs=kwargs, init_kwargs=None if plan.init_kwargs is None else init))
    missing = [role for role in NUMBERS if role not in plan.roles]
    if len(missing) == 1 and plan.init_kwargs is None:
        for name in plan.defaulted:
            others = tuple(other for other in plan.defaulted if other != name)
            kwargs = {**plan.kwargs, name: missing[0]}
            readings.append(replace(plan, kwargs=kwargs, by_position=(*plan.by_position, name), defaulted=others))
    return readings
