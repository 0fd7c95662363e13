"""The bank of known mistakes: the table is up to date, mistakes differ, and each has points and a text."""

from __future__ import annotations

import itertools
import json

from grader import messages
from grader.assignment import Assignment
from grader.checks.kd_loss import kd_diagnosis, kd_rubric
from reference_models.kd import bank, cases, tabulate
from reference_models.kd.fingerprint import fingerprint

EQUIVALENT = {
    frozenset(
        {("kd.soft_term.missing",), ("kd.soft_term.student_with_itself",)}
    ): "KL of a distribution with itself is 0"
}
"""Mistakes that no tensor can tell apart, with the reason."""


def _stored(hw13: Assignment) -> tuple[kd_diagnosis.KnownLoss, ...]:
    return kd_diagnosis.table(hw13.files["kd_cases.json"], hw13.files["kd_mistakes.json"])


def test_table_holds_the_answers_of_the_bank(hw13: Assignment) -> None:
    """Fails when a mistake was added, changed or removed without running ``reference_models.kd.tabulate``."""
    fresh = json.dumps(tabulate.table(hw13.files["kd_cases.json"]))
    stored = _stored(hw13)
    computed = kd_diagnosis.table(hw13.files["kd_cases.json"], fresh)
    assert [loss.ids for loss in stored] == [loss.ids for loss in computed]
    for one, other in zip(stored, computed, strict=True):
        assert len(one.answers) == len(other.answers)
        assert all(map(kd_diagnosis.alike, one.answers, other.answers)), one.ids


def test_every_two_mistakes_differ_or_are_listed(hw13: Assignment) -> None:
    alike = {
        frozenset({one.ids, other.ids})
        for one, other in itertools.combinations(_stored(hw13), 2)
        if one.ids != other.ids and all(map(kd_diagnosis.alike, one.answers, other.answers))
    }
    assert alike == set(EQUIVALENT)


def test_no_mistake_is_right(hw13: Assignment) -> None:
    """The bank holds no loss that answers like a correct one on the fixed cases."""
    fixed_cases = cases.read(hw13.files["kd_cases.json"]).fixed_cases()
    right = tuple(
        fingerprint(*bank.evaluate(bank.correct_styles()["with_kl_div.batchmean"], case)) for case in fixed_cases
    )
    assert kd_diagnosis.diagnose(right, _stored(hw13)) is None


def test_every_single_mistake_has_points_and_every_row_is_a_known_mistake(hw13: Assignment) -> None:
    rows = kd_rubric.rows(hw13, hw13.question("2.1"))
    single = {mistake.ids[0] for mistake in bank.known_mistakes() if len(mistake.ids) == 1}
    together = {"+".join(mistake.ids) for mistake in bank.known_mistakes()}
    assert single <= set(rows)
    assert set(rows) <= together
    assert all(0 <= entry["points"] < hw13.question("2.1").points for entry in rows.values())


def test_every_mistake_has_a_text_in_both_languages() -> None:
    texts = messages.catalogue()
    for identifier in {identifier for mistake in bank.known_mistakes() for identifier in mistake.ids}:
        assert texts[identifier]["en"].endswith(".")
        assert texts[identifier]["zh-Hant"].endswith("。")


def test_mistakes_made_together_are_each_known_alone() -> None:
    single = {mistake.ids[0] for mistake in bank.known_mistakes() if len(mistake.ids) == 1}
    assert {identifier for mistake in bank.known_mistakes() for identifier in mistake.ids} == single
