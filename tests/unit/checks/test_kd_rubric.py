"""The default for known mistakes: a row for each that is made alone, the same points as if every row was written."""

from __future__ import annotations

from typing import Any

import pytest

from grader.assignment import Assignment, bundled, from_files
from grader.checks.kd_loss import kd_rubric
from reference_models.kd import bank

DEFAULT = "default = { points = 0.25 }"
OTHERS = {
    "kd.soft_term.log_target_missing": {"points": 0, "needs_review": True},
    "kd.soft_term.arguments_exchanged": {"points": 0, "needs_review": True},
    "kd.soft_term.teacher_logits_raw": {"points": 0, "needs_review": True},
    "kd.soft_term.student_logits_raw+kd.soft_term.teacher_logits_raw": {"points": 0, "needs_review": True},
    "kd.soft_term.direction_swapped": {"points": 0.25, "needs_review": True},
    "kd.soft_term.cross_entropy_not_kl": {"points": 0.25, "needs_review": True},
    "kd.roles_exchanged": {"points": 0},
    "kd.sign_flipped": {"points": 0},
    "kd.empty_body": {"points": 0},
}


def rows(assignment: Assignment) -> Any:
    return kd_rubric.rows(assignment, assignment.question("2.1"))


def changed(hw13: Assignment, new: str, **files: str) -> Assignment:
    """hw13 with another line in the place of its default."""
    text = hw13.files["assignment.toml"]
    assert DEFAULT in text
    return from_files({**hw13.files, **files, "assignment.toml": text.replace(DEFAULT, new, 1)})


@pytest.mark.parametrize("slug", ["hw13", "hw13-2023"])
def test_every_single_mistake_earns_half_unless_a_row_says_otherwise(slug: str) -> None:
    single = {mistake.ids[0] for mistake in bank.known_mistakes() if len(mistake.ids) == 1}
    assert len(single) == 54
    assert rows(bundled(slug)) == {identifier: {"points": 0.25} for identifier in single} | OTHERS


def test_default_is_the_same_as_written_rows(hw13: Assignment) -> None:
    written = "\n".join(f'"{identifier}" = {{ points = 0.25 }}' for identifier in rows(hw13).keys() - OTHERS.keys())
    assert rows(changed(hw13, written)) == rows(hw13)


def test_without_a_default_only_rows_count(hw13: Assignment) -> None:
    assert rows(changed(hw13, "")) == OTHERS


@pytest.mark.parametrize("default", ["{ points = 0.75 }", "{ points = true }", "0.25", "{ needs_review = true }"])
def test_unusable_default_is_left_for_the_check_to_name(hw13: Assignment, default: str) -> None:
    assert "default" in rows(changed(hw13, f"default = {default}"))


@pytest.mark.parametrize("table", ["", "[]", "{}", '{"mistakes": [{"ids": 1}]}'])
def test_default_without_a_readable_table_is_left(hw13: Assignment, table: str) -> None:
    broken = from_files({**hw13.files, "kd_mistakes.json": table})
    assert rows(broken) == OTHERS | {"default": {"points": 0.25}}
