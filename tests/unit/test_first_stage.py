"""The limits of the first stage, and the results of models that exceed them."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from grader import context, later_stage, messages, pipeline, scoring
from grader.assignment import Assignment
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.evidence import Outcome
from grader.sandbox.policy import default
from grader.sandbox.replies import Reply
from grader.scoring import Verdict
from grader.submission import Part, SubmittedParts
from tests.unit.scripted_sandbox import (
    PARAMETERS,
    SUBMISSION,
    Answer,
    ScriptedSandbox,
    audit,
    examine,
    failed_reply,
    logits,
    ok_reply,
)


def test_audit_comparison_and_timing_run_under_the_limits_of_the_first_stage(hw13: Assignment) -> None:
    grading, sandbox = examine(hw13, {})
    measured = [order.limits for order in sandbox.orders if order.role == "measure"]
    assert measured == [default().limits.override(hw13.sandbox)] * 2, "one audits and compares, one is timed"
    assert {"artefact.audit", "artefact.run", "network.times"} <= set(sandbox.requests)
    sandbox.orders.clear()
    later_stage.run(hw13, SUBMISSION, grading, sandbox)
    later = {order.limits.cpu_seconds for order in sandbox.orders if order.role == "measure"}
    assert later == {default().measuring["cpu_seconds"]}


def test_children_of_the_first_stage_share_its_wall_time(hw13: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(context, "time", SimpleNamespace(monotonic=lambda: clock[0], perf_counter=time.perf_counter))
    limit = default().limits.override(hw13.sandbox).wall_seconds
    total = default().first_stage.wall_times * limit

    def slow(reply: Reply) -> Answer:
        def answer() -> Reply:
            clock[0] += 0.45 * total
            return reply

        return answer

    # The loss is at work at the same time; here it would only blur the clock.
    parts = {name: part for name, part in SUBMISSION.parts.items() if name != "loss"}
    counted = ok_reply(parameters=PARAMETERS, names=[], hidden=[])
    sandbox = ScriptedSandbox({"model.count": slow(counted), "artefact.audit": slow(audit())})
    pipeline.run_first_stage(hw13, SubmittedParts(parts), sandbox)
    expected = [min(limit, total), min(limit, 0.55 * total), min(limit, 0.1 * total)]
    assert [order.wall_seconds for order in sandbox.orders] == pytest.approx(expected)
    assert expected[-1] < limit, "or the sum of the children is not bounded"


@pytest.mark.parametrize("outcome", [Outcome.TIMEOUT, Outcome.MEMORY])
@pytest.mark.parametrize("op", ["model.export", "artefact.audit", "artefact.run"])
def test_model_that_is_too_slow_to_confirm_waits_for_review(hw13: Assignment, op: str, outcome: Outcome) -> None:
    grading, _ = examine(hw13, {op: failed_reply(outcome)})
    evidence = grading.evidence["1.1"]
    assert isinstance(evidence, ArchitectureEvidence)
    assert (evidence.verification, evidence.fault) == ("over_limit", None)
    result = scoring.score(hw13, "1.1", evidence)
    assert (result.verdict, result.fault) == (Verdict.NEEDS_REVIEW, None)
    first = result.messages[0]
    assert first.id == "model.unverified.over_limit"
    assert ("40 s of CPU time" in messages.render(first)) is (outcome is Outcome.TIMEOUT)
    assert scoring.score(hw13, "1.2", grading.evidence["1.2"]).verdict is Verdict.NEEDS_REVIEW
    assert not later_stage.is_due(hw13, SUBMISSION, grading)


def test_live_model_that_is_too_slow_to_answer_again_disagrees_with_nothing(hw13: Assignment) -> None:
    passes = iter([ok_reply(logits(n), kind="tensor") for n in (1, 2)])
    grading, _ = examine(hw13, {"model.forward": lambda: next(passes, failed_reply(Outcome.TIMEOUT))})
    evidence = grading.evidence["1.1"]
    assert isinstance(evidence, ArchitectureEvidence)
    assert evidence.verification == "over_limit"


def test_model_that_is_too_slow_to_time_keeps_the_points_of_its_answer(hw13: Assignment) -> None:
    grading, _ = examine(hw13, {"network.times": failed_reply(Outcome.TIMEOUT)})
    result = scoring.score(hw13, "3.2", grading.evidence["3.2"])
    assert result.verdict is Verdict.FULL
    assert result.messages[-1].id == "choice.not_timed"
    assert later_stage.is_due(hw13, SUBMISSION, grading), "the count was confirmed"


@pytest.mark.parametrize(
    ("name", "verdict"), [("get_student_model", Verdict.NONE), ("build_net", Verdict.NEEDS_REVIEW)]
)
def test_summary_of_another_model_than_a_stand_in_waits_for_review(
    hw13: Assignment, name: str, verdict: Verdict
) -> None:
    """It may be right for the model that the student means."""
    network = "from torch import nn\nclass StudentNet(nn.Module):\n    def forward(self, x):\n        return x\n"
    model = Part(f"{network}def {name}():\n    return StudentNet()\n".encode())
    parts = {"model": model, "summary": Part(f"Total params: {PARAMETERS + 1:,}".encode())}
    grading = pipeline.run_first_stage(hw13, SubmittedParts(parts), ScriptedSandbox())
    result = scoring.score(hw13, "1.2", grading.evidence["1.2"])
    assert result.verdict is verdict, result.messages
    is_doubtful = verdict is Verdict.NEEDS_REVIEW
    assert ("intake.stand_in_doubtful" in {note.id for note in result.messages}) is is_doubtful
