"""When a killed child is believed to be the student's doing."""

from __future__ import annotations

import signal

import pytest

from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.checks.pruning.evidence import OwnLoss, PruningEvidence
from grader.evidence import Evidence, Outcome, StudentError

BY_SIGKILL = StudentError(type="ProcessEnded", message="signal SIGKILL", signal=signal.SIGKILL)
BY_ABORT = StudentError(type="ProcessEnded", message="signal SIGABRT", signal=signal.SIGABRT)
SAYS_SIGKILL = StudentError(type="SIGKILL", message="the process was ended by SIGKILL")
IN_THE_EXPORT = "the model could not be exported: ProcessEnded: signal SIGKILL"


@pytest.mark.parametrize(
    ("evidence", "was_killed"),
    [
        (KDLossEvidence(outcome=Outcome.DIED, error=BY_SIGKILL), True),
        (KDLossEvidence(outcome=Outcome.DIED, error=BY_ABORT), False),
        (KDLossEvidence(outcome=Outcome.DIED, error=SAYS_SIGKILL), False),
        (KDLossEvidence(outcome=Outcome.ERROR, error=SAYS_SIGKILL), False),
        (ArchitectureEvidence(outcome=Outcome.DIED, error=BY_SIGKILL), True),
        (ArchitectureEvidence(verification="no_artefact", verification_signal=signal.SIGKILL), True),
        (ArchitectureEvidence(verification="no_artefact", verification_signal=signal.SIGSEGV), False),
        (ArchitectureEvidence(verification="no_artefact", unverified_reason=IN_THE_EXPORT), False),
        (ArchitectureEvidence(verification="refused", unverified_reason="external data"), False),
        (PruningEvidence(curve_outcome=Outcome.DIED), True),
        (PruningEvidence(own_loss=OwnLoss(steps=3, outcome=Outcome.DIED)), True),
        (PruningEvidence(curve_outcome=Outcome.TIMEOUT), False),
        (ChoiceEvidence(answer="softer"), False),
    ],
)
def test_a_killed_child_is_known_by_its_signal(evidence: Evidence, was_killed: bool) -> None:
    assert evidence.was_killed is was_killed
