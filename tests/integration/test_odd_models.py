"""A slice of the odd but honest models; all of them: ``python -m tests.integration.odd_models``."""

from __future__ import annotations

import pytest

from grader.assignment import Assignment
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from tests import slices
from tests.integration.odd_models import MODELS, SLICE, grade


@pytest.mark.parametrize("name", slices.every(4, SLICE))
def test_odd_model_is_confirmed_or_says_why_not(hw13: Assignment, sandbox: Sandbox, name: str) -> None:
    evidence, score = grade(name, hw13, sandbox)
    odd = MODELS[name]
    assert score.verdict is odd.verdict, evidence
    assert odd.reason in (evidence.unverified_reason or "")
    assert evidence.verified is (odd.verdict is Verdict.FULL)
