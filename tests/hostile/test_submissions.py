"""Every hostile submission through the real path: intake, fork server, locked child, checks, points."""

from __future__ import annotations

import os
import re
import textwrap
import time
from pathlib import Path

import pytest

from grader import pipeline, scoring
from grader.assignment import Assignment, from_files
from grader.evidence import CodeEvidence
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from grader.submission import Part, SubmittedParts
from tests.hostile import submission
from tests.hostile.submission import Submission

EVERYTHING = submission.everything()
HONEST = SubmittedParts({"loss": Part(Path("examples/hw13-correct/loss.py").read_bytes())})
_GONE_SECONDS = 5.0


@pytest.fixture(scope="session")
def low_limits(hw13: Assignment) -> Assignment:
    """The assignment with small pictures and low limits, so that running into them takes seconds."""
    text = hw13.files["assignment.toml"].replace("input_shape = [3, 224, 224]", "input_shape = [3, 32, 32]")
    small = from_files({**hw13.files, "assignment.toml": text})
    return small.model_copy(update={"sandbox": submission.LOWERED})


REFUSED = [one for one in EVERYTHING if one.is_an_error]
"""Attacks that end in an exception: one child can try them all."""
ALONE = {one.group: one.name for one in reversed(REFUSED)}
"""Those that `make test` sends alone too, the first of each group; `make check-all` sends each."""
LAST = {one.group: one.name for one in EVERYTHING}
"""The last attack of each group, behind which an honest submission is graded."""
STEPS = {"forging": 5, "kernel": 4, "limits": 2, "output": 3, "signals": 2, "source": 3}
"""Of the other attacks of these groups `make test` sends every second to fifth, `make check-all` each."""
SENT = {
    one.name
    for group in LAST
    for one in [o for o in EVERYTHING if o.group == group and not o.is_an_error][:: STEPS.get(group, 1)]
}
HARMFUL = {"limits", "processes", "signals"}
"""Attacks on other processes and on what all share: an honest submission is graded behind each that ends its child.

`make check-all` grades one behind the other attacks that end their child too.
"""


def _param(one: Submission) -> object:
    later = one.expected.get("expected-later")
    marks = [pytest.mark.xfail(strict=True, reason=later)] if later else []
    if one.name not in {*ALONE.values(), *SENT, *LAST.values()}:
        marks.append(pytest.mark.thorough)
    return pytest.param(one, id=one.name, marks=marks)


@pytest.mark.parametrize("hostile", [_param(one) for one in EVERYTHING])
def test_it_ends_as_it_must(hostile: Submission, sandbox: Sandbox, low_limits: Assignment) -> None:
    grading = pipeline.grade(hostile.limits_of(low_limits), hostile.parts(), sandbox)
    evidence = grading.evidence[hostile.question]
    assert isinstance(evidence, CodeEvidence)
    assert evidence.fault is None
    score = scoring.score(low_limits, hostile.question, evidence)
    assert hostile.differences(evidence, score.verdict, score.score) == {}, evidence
    is_harmful = hostile.group in HARMFUL or "ASSAY_TEST_CHILDREN" in os.environ
    if (hostile.ends_its_child and is_harmful) or LAST[hostile.group] == hostile.name:
        an_honest_submission_earns_all(sandbox, low_limits)
    assert no_child_is_left(sandbox)


@pytest.mark.quick
def test_each_refused_attack_is_refused_in_one_child(sandbox: Sandbox, low_limits: Assignment) -> None:
    everything = "".join(
        f"    def attack_{number}():\n{textwrap.indent(one.text, '        ')}\n" for number, one in enumerate(REFUSED)
    )
    attempts = (
        "if not TRIED:\n"
        "    TRIED.append(True)\n"
        f"{everything}"
        f"    for number in range({len(REFUSED)}):\n"
        "        try:\n"
        "            locals()[f'attack_{number}']()\n"
        "        except BaseException as error:\n"
        "            print(f'\\n{number}', type(error).__name__)\n"
        "        else:\n"
        "            print(f'\\n{number}', 'went through')\n"
    )
    source = "TRIED = []\n" + submission.loss_with(attempts)
    grading = pipeline.grade(low_limits, SubmittedParts({"loss": Part(source.encode())}), sandbox)
    evidence = grading.evidence["2.1"]
    assert isinstance(evidence, CodeEvidence)
    outcomes = dict(re.findall(r"^(\d+) (.+)$", evidence.stdout, re.M))
    outcomes_by_name = {one.name: outcomes.get(str(number)) for number, one in enumerate(REFUSED)}
    assert outcomes_by_name == {one.name: one.expected["error"] for one in REFUSED}
    assert scoring.score(low_limits, "2.1", evidence).verdict is Verdict.FULL, "the rest of the loss is right"
    assert no_child_is_left(sandbox)


def an_honest_submission_earns_all(sandbox: Sandbox, assignment: Assignment) -> None:
    evidence = pipeline.grade(assignment, HONEST, sandbox).evidence["2.1"]
    assert scoring.score(assignment, "2.1", evidence).verdict is Verdict.FULL


def test_there_are_enough_of_each_kind() -> None:
    groups = {one.group for one in EVERYTHING}
    assert groups == {
        "checkpoints", "files", "forging", "kernel", "limits", "network", "output", "processes", "signals", "source",
    }  # fmt: skip
    assert len(EVERYTHING) >= 300
    assert all(one.says_what_it_wants for one in EVERYTHING)


def no_child_is_left(sandbox: Sandbox) -> bool:
    """Whether only spare children of the fork server are alive, a moment after the last child was closed."""
    until = time.monotonic() + _GONE_SECONDS
    while set(living_children(sandbox.server_pid or 0)) - set(sandbox.spare_pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def living_children(parent: int) -> list[int]:
    """The children of ``parent`` that are no zombies; a zombie still has an entry in /proc."""
    pids = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, above = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(above) == parent and state not in "ZX":
            pids.append(int(name))
    return pids
