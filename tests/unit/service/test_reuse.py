"""Which measurements may be taken over for the same hand-in."""

from __future__ import annotations

import pytest

from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.pruning.evidence import PruningEvidence
from grader.evidence import Fault, Outcome


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.ERROR, Outcome.FORBIDDEN, Outcome.OUTPUT_LIMIT])
def test_what_the_code_did_by_itself_lasts(outcome: Outcome) -> None:
    assert KDLossEvidence(outcome=outcome).is_reproducible


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.MEMORY, Outcome.DIED, Outcome.PROTOCOL])
def test_what_a_busy_machine_may_have_stopped_is_measured_again(outcome: Outcome) -> None:
    assert not ArchitectureEvidence(outcome=outcome).is_reproducible


def test_a_fault_of_ours_never_lasts() -> None:
    assert ChoiceEvidence(answer="no").is_reproducible
    assert not ChoiceEvidence(fault=Fault.GRADER).is_reproducible


def test_what_was_stopped_or_met_a_limit_while_it_was_confirmed_is_measured_again() -> None:
    for verification, lasts in (("confirmed", True), ("refused", True), ("over_limit", False)):
        assert ArchitectureEvidence(verification=verification).is_reproducible is lasts
    for stopped in (False, True):
        assert PruningEvidence(curve_stopped=stopped).is_reproducible is not stopped


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.MEMORY, Outcome.DIED, Outcome.PROTOCOL])
def test_a_curve_that_a_busy_machine_may_have_stopped_is_measured_again(outcome: Outcome) -> None:
    assert PruningEvidence(curve_outcome=Outcome.ERROR).is_reproducible
    assert not PruningEvidence(curve_outcome=outcome).is_reproducible
