"""Losses in parts: the default is the reference, and mistakes combine where they concern different parts."""

from __future__ import annotations

import numpy as np
import pytest

from grader.assignment import Assignment
from reference_models.kd import bank, cases, reference
from reference_models.kd.recipe import Recipe, combinations, no_factor, unscaled


def test_default_recipe_is_the_reference_loss(hw13: Assignment) -> None:
    for case in cases.read(hw13.files["kd_cases.json"]).fixed_cases():
        value, gradient = bank.evaluate(Recipe(), case)
        expected_value, expected_gradient = bank.evaluate(reference.loss, case)
        assert value == pytest.approx(expected_value, rel=1e-12)
        assert gradient is not None
        assert expected_gradient is not None
        np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-10, atol=1e-15)


def test_combination_replaces_the_parts_of_all_mistakes() -> None:
    (loss,) = combinations([(Recipe(factor=no_factor),), (Recipe(scale_student=unscaled),)])
    assert loss.changes() == {"factor": no_factor, "scale_student": unscaled}


def test_every_variant_combines_with_a_mistake_of_one_variant() -> None:
    variants = (Recipe("one", factor=no_factor), Recipe("other", scale_teacher=unscaled))
    losses = combinations([variants, (Recipe(scale_student=unscaled),)])
    assert [loss.variant for loss in losses] == ["one", "other"]


def test_variants_of_the_same_name_combine_where_both_mistakes_have_several() -> None:
    students = (Recipe("softened"), Recipe("raw", scale_student=unscaled))
    teachers = (Recipe("raw", scale_teacher=unscaled), Recipe("softened"))
    losses = combinations([students, teachers])
    assert [(loss.variant, set(loss.changes())) for loss in losses] == [
        ("softened", set()),
        ("raw", {"scale_student", "scale_teacher"}),
    ]


def test_mistakes_in_the_same_part_are_refused() -> None:
    with pytest.raises(ValueError, match="same part"):
        combinations([(Recipe(factor=no_factor),), (Recipe(factor=lambda temperature: temperature),)])
