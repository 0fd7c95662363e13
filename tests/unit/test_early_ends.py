"""A grading that ends early reports nothing that a whole one would not report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from grader import later_stage, messages, pipeline, remaining, scoring
from grader.assignment import Assignment
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.pruning.evidence import PruningEvidence
from grader.evidence import Evidence, Note, Outcome
from grader.sandbox.replies import Reply
from grader.scoring import Verdict
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


class Recording:
    """Keeps the evidence in the order in which it came."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Evidence]] = []

    def progress(self, stage: str, done: int, total: int) -> None:
        """Not kept."""

    def question(self, number: str, evidence: Evidence) -> None:
        self.events.append((number, evidence))

    def interim(self, number: str, fields: Mapping[str, Any]) -> None:
        """Not kept."""

    def picture(self, data: bytes) -> None:
        """Not kept."""

    def artefact(self, data: bytes) -> None:
        """Not kept."""

    def commit(self) -> None:
        """Every event counts."""


def changing(*replies: Reply) -> Answer:
    """Answers one after the other, the last one for ever."""
    queue = list(replies)
    return lambda: queue.pop(0) if len(queue) > 1 else queue[0]


FORWARD = [ok_reply(logits(n), kind="tensor") for n in (1, 2)]
SCRIPTS: dict[str, Mapping[str, Any]] = {
    "honest": {},
    "no export": {"model.export": failed_reply()},
    "dies of the export": {"model.export": failed_reply(Outcome.DIED)},
    "slow export": {"model.export": failed_reply(Outcome.TIMEOUT)},
    "export that is refused": {"artefact.audit": audit(refused="a node of another domain")},
    "export that kills the audit": {"artefact.audit": failed_reply(Outcome.DIED)},
    "export that is slow to audit": {"artefact.audit": failed_reply(Outcome.TIMEOUT)},
    "more numbers in the export": {"artefact.audit": audit(parameters=5_000_000)},
    "fewer numbers in the export": {"artefact.audit": audit(parameters=1_000)},
    "hidden numbers": {"artefact.audit": audit(constants=900_000)},
    "packed weights": {"artefact.audit": audit(unpacked=[90_000, 1_000])},
    "export that does not run": {"artefact.run": failed_reply()},
    "export that is slow to run": {"artefact.run": failed_reply(Outcome.TIMEOUT)},
    "export that answers otherwise": {"artefact.run": ok_reply(logits(1, 7.0))},
    "live model that answers otherwise": {"model.forward": (*FORWARD, ok_reply(logits(1, 7.0), kind="tensor"))},
    "live model that dies": {"model.forward": (*FORWARD, failed_reply(Outcome.DIED))},
    "fails after it was counted": {"model.train_step": failed_reply()},
    "dies in training": {"model.train_step": failed_reply(Outcome.DIED)},
    "bug of ours in the audit": {"artefact.audit": ok_reply(refused=None)},
    "slow to time": {"network.times": failed_reply(Outcome.TIMEOUT)},
    "bug of ours in timing": {"network.times": ok_reply()},
}


def graded(assignment: Assignment, script: Mapping[str, Any]) -> list[tuple[str, Evidence]]:
    """All evidence of both stages in the order in which it came."""
    plain = {op: changing(*answer) if isinstance(answer, tuple) else answer for op, answer in script.items()}
    recording = Recording()
    pipeline.grade(assignment, SUBMISSION, ScriptedSandbox(plain), recording)
    return recording.events


def decided(result: scoring.QuestionScore) -> float:
    """The points that need no review."""
    return result.score if result.verdict in (Verdict.FULL, Verdict.PARTIAL) else 0.0


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_grading_that_ends_early_never_decides_more_than_the_whole_one(
    hw13: Assignment, script: Mapping[str, Any]
) -> None:
    events = graded(hw13, script)
    numbers = [question.number for question in hw13.questions]
    whole = {number: scoring.score(hw13, number, dict(events)[number]) for number in numbers}
    for count in range(len(events)):
        evidence = dict(events[:count])
        results = {number: scoring.score(hw13, number, evidence.get(number)) for number in numbers}
        for number in numbers:
            assert decided(results[number]) <= decided(whole[number]), (number, events[:count])
        if remaining.has_all_verdicts(hw13, evidence):
            verdicts = {number: (result.verdict, result.score) for number, result in results.items()}
            assert verdicts == {number: (result.verdict, result.score) for number, result in whole.items()}
    assert remaining.has_all_verdicts(hw13, dict(events))


def test_model_that_fails_is_counted_for_its_summary(hw13: Assignment) -> None:
    evidence = dict(graded(hw13, {"model.forward": failed_reply()}))["1.1"]
    assert isinstance(evidence, ArchitectureEvidence)
    assert (evidence.outcome, evidence.parameters) == (Outcome.ERROR, PARAMETERS)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
def test_full_points_for_the_summary_rest_on_a_confirmed_count(hw13: Assignment, script: Mapping[str, Any]) -> None:
    evidence: dict[str, Evidence] = {}
    for number, item in graded(hw13, script):
        evidence[number] = item
        model = evidence.get("1.1")
        confirmed = isinstance(model, ArchitectureEvidence) and model.verified
        if "1.2" in evidence and not confirmed:
            assert scoring.score(hw13, "1.2", evidence["1.2"]).verdict is not Verdict.FULL
    end = evidence["1.1"]
    assert isinstance(end, ArchitectureEvidence)
    carried = end.artefact.parameters if end.artefact is not None else 0
    confirmed = end.verified and carried >= (end.parameters or 0)
    assert (scoring.score(hw13, "1.2", evidence["1.2"]).verdict is Verdict.FULL) is confirmed


def test_verdicts_are_all_in_before_the_model_is_timed(hw13: Assignment) -> None:
    events = graded(hw13, {})
    timed = next(i for i, (_, item) in enumerate(events) if getattr(item, "seconds_unpruned", None) is not None)
    assert remaining.has_all_verdicts(hw13, dict(events[:timed]))
    for number in dict(events[:timed]):
        lacking = {key: item for key, item in events[:timed] if key != number}
        assert not remaining.has_all_verdicts(hw13, lacking)


# -- a curve that was stopped ---------------------------------------------------------------------------------------


def stopped(hw13: Assignment, **changes: Any) -> PruningEvidence | None:
    grading, _ = examine(hw13, {})
    pruning = grading.evidence["3.1"]
    assert isinstance(pruning, PruningEvidence)
    evidence = {**grading.evidence, "3.1": pruning.model_copy(update=changes)}
    end = remaining.without_later(hw13, SUBMISSION.parts, evidence, None).get("3.1")
    assert end is None or isinstance(end, PruningEvidence)
    return end


def test_stopped_curve_leaves_the_points_of_the_picture_and_is_not_begun_again(hw13: Assignment) -> None:
    evidence = stopped(hw13)
    assert evidence is not None
    assert evidence.curve_stopped
    result = scoring.score(hw13, "3.1", evidence)
    assert (result.verdict, result.score) == (Verdict.NEEDS_REVIEW, 1.0)
    assert result.messages[-1].id == "pruning.curve_stopped"
    grading, _ = examine(hw13, {})
    grading.evidence["3.1"] = evidence
    assert not later_stage.is_due(hw13, SUBMISSION, grading)


def test_curve_that_was_measured_before_the_stop_stays(hw13: Assignment) -> None:
    curve = ({"ratio": 0.0, "accuracy": 0.5},)
    assert stopped(hw13, curve=curve, weights="distilled", training_steps=9) is None, "no loss can be called: all is in"
    assert stopped(hw13, curve_outcome=Outcome.TIMEOUT) is None


def test_a_model_that_is_not_confirmed_gets_no_curve_to_stop(hw13: Assignment) -> None:
    grading, _ = examine(hw13, {"artefact.audit": audit(refused="odd")})
    assert remaining.without_later(hw13, SUBMISSION.parts, grading.evidence, None) == {}


def test_texts_of_a_stop_say_that_points_stay() -> None:
    for key in ("pruning.curve_stopped", "pruning.own_loss.stopped"):
        assert "score does not depend on it." in messages.render(Note(id=key))
        assert "你的分數不受影響" in messages.render(Note(id=key), "zh-Hant")
