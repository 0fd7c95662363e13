"""The reference: automatic differentiation and the closed form agree, and the script draws the case file."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from grader.assignment import Assignment
from reference_models.kd import bank, cases, closed_form, draw_cases, reference
from reference_models.kd.cases import Case, Inputs, Term

CLASSES = 11


def _book(hw13: Assignment) -> cases.CaseBook:
    return cases.read(hw13.files["kd_cases.json"])


def test_closed_form_equals_automatic_differentiation(hw13: Assignment) -> None:
    book = _book(hw13)
    for case in (
        *book.fixed_cases(),
        *book.fresh_cases(np.random.default_rng(5), CLASSES),
    ):
        value, gradient = closed_form.loss(case)
        by_torch, gradient_by_torch = bank.evaluate(reference.loss, case)
        assert by_torch is not None
        assert gradient_by_torch is not None
        assert value == pytest.approx(float(by_torch), rel=1e-12)
        np.testing.assert_allclose(gradient, gradient_by_torch, rtol=1e-10, atol=1e-15)


def test_gradient_keeps_its_size_when_the_temperature_rises() -> None:
    """Without T^2 the soft term's gradient at T = 16 would be 256 times smaller."""
    inputs = cases.draw(np.random.default_rng(0), "any", 8, 11)
    small, large = (
        np.abs(closed_form.loss(Case(inputs, Term.SOFT, 1.0, temperature))[1]).sum() for temperature in (4.0, 16.0)
    )
    assert 0.5 < large / small < 2.0


def test_equal_logits_leave_only_the_hard_term() -> None:
    inputs = cases.draw(np.random.default_rng(1), "any", 4, 11)
    equal = Inputs("equal", inputs.student, inputs.labels, inputs.student)
    assert closed_form.loss(Case(equal, Term.SOFT, 1.0, 3.0))[0] == pytest.approx(0.0, abs=1e-12)
    expected = torch.nn.functional.cross_entropy(torch.tensor(inputs.student).double(), torch.tensor(inputs.labels))
    assert closed_form.loss(Case(equal, Term.HARD, 0.0, 3.0))[0] == pytest.approx(float(expected))


def test_script_draws_the_case_file(hw13: Assignment) -> None:
    drawn = draw_cases.case_file(np.random.default_rng(draw_cases.SEED))
    assert json.loads(json.dumps(drawn)) == json.loads(hw13.files["kd_cases.json"])


def test_cases_fit_the_assignment(hw13: Assignment) -> None:
    book = _book(hw13)
    assert {inputs.student.shape[1] for inputs in (*book.inputs, *book.remarks)} == {CLASSES}
    fresh = book.fresh_cases(np.random.default_rng(0), CLASSES)
    assert {case.term for case in fresh} == {case.term for case in book.fixed_cases()} == set(Term)
    assert {len(case.inputs.student) == 1 for case in fresh} == {True, False}
    temperatures = [case.temperature for case in fresh if case.term is Term.SOFT]
    assert min(temperatures) < 1
    assert max(case.temperature for case in fresh) > 9
    assert not any(np.array_equal(np.round(case.inputs.student, 3), case.inputs.student) for case in fresh)


def test_fresh_cases_differ_from_run_to_run(hw13: Assignment) -> None:
    book = _book(hw13)
    one, other = (book.fresh_cases(np.random.default_rng(seed), CLASSES) for seed in (1, 2))
    assert not np.array_equal(one[0].inputs.student[0], other[0].inputs.student[0])
    again = book.fresh_cases(np.random.default_rng(1), CLASSES)
    assert [case.name for case in again] == [case.name for case in one]


@pytest.mark.parametrize(
    "change",
    [
        {"settings": {"hard": [[0.5, 1.0]], "soft": [], "mixture": []}},
        {"settings": {"hard": [], "soft": [[1.0, 0.0]], "mixture": []}},
        {"inputs": [{"name": "x", "student": [[0.0, 1.0]], "teacher": [[0.0]], "labels": [0]}]},
        {"inputs": [{"name": "x", "student": [[0.0, 1.0]], "teacher": [[0.0, 1.0]], "labels": [2]}]},
        {"remarks": []},
    ],
)
def test_broken_case_file_is_refused(hw13: Assignment, change: dict[str, object]) -> None:
    data = json.loads(hw13.files["kd_cases.json"]) | change
    with pytest.raises(ValueError):
        cases.read(json.dumps(data))
