"""Every hostile hand-in through the real path: intake, fork server, locked child, checks, points."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from grader import pipeline, scoring
from grader.assignment import Assignment
from grader.evidence import CodeEvidence
from grader.handin import HandIn, Part
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from tests.hostile import submission
from tests.hostile.submission import Submission

EVERYTHING = submission.everything()
HONEST = HandIn({"loss": Part(Path("examples/hw13-correct/loss.py").read_bytes())})
_GONE_SECONDS = 5.0


@pytest.fixture(scope="session")
def lowered(hw13: Assignment) -> Assignment:
    """The assignment with small pictures and low limits, so that running into them takes seconds."""
    return hw13.model_copy(update={"input_shape": (3, 32, 32), "sandbox": submission.LOWERED})


def _param(one: Submission) -> object:
    later = one.expected.get("expected-later")
    marks = [pytest.mark.xfail(strict=True, reason=later)] if later else []
    return pytest.param(one, id=one.name, marks=marks)


@pytest.mark.parametrize("hostile", [_param(one) for one in EVERYTHING])
def test_it_ends_as_it_must(hostile: Submission, sandbox: Sandbox, lowered: Assignment) -> None:
    grading = pipeline.grade(hostile.limits_of(lowered), hostile.hand_in(), sandbox)
    evidence = grading.evidence[hostile.question]
    assert isinstance(evidence, CodeEvidence)
    assert evidence.fault is None
    score = scoring.score(lowered, hostile.question, evidence)
    assert hostile.differences(evidence, score.verdict, score.score) == {}, evidence

    after = pipeline.grade(lowered, HONEST, sandbox).evidence["2.1"]
    assert scoring.score(lowered, "2.1", after).verdict is Verdict.FULL
    assert nobody_is_left(sandbox)


def test_there_are_enough_of_each_kind() -> None:
    groups = {one.path.parent.name for one in EVERYTHING}
    assert groups == {
        "checkpoints", "files", "forging", "kernel", "limits", "network", "output", "processes", "signals", "source",
    }  # fmt: skip
    assert len(EVERYTHING) >= 300
    assert all(one.path.read_text().count('"""') >= 2 for one in EVERYTHING), "each says what it wants"


def nobody_is_left(sandbox: Sandbox) -> bool:
    """No child of the fork server lives but those that wait for their turn, a moment after the last was let go."""
    until = time.monotonic() + _GONE_SECONDS
    while set(living(sandbox.server_pid or 0)) - set(sandbox.spare_pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def living(parent: int) -> list[int]:
    """The processes below ``parent`` that are no zombies: the state tells, not whether /proc has an entry."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, above = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(above) == parent and state not in "ZX":
            found.append(int(name))
    return found
