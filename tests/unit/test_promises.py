"""A message that promises a review stands only in results that wait for one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from grader import messages
from grader.assignment import bundled, bundled_slugs
from grader.checks.kd_loss.evidence import KDLossEvidence, TermEvidence
from grader.evidence import CodeEvidence, LimitHit, Observation, Outcome, StudentError, Wanted
from grader.intake import REVIEW_FACTS
from grader.scoring import QuestionScore, Verdict, score
from reference_models.kd import bank
from tests.unit.test_scoring import PROBES, architecture

PROMISE = {"en": "waiting for review", "zh-Hant": "待助教審閱"}
PROMISING = sorted(name for name in messages.ids() if PROMISE["en"] in messages.catalogue()[name]["en"])
INTAKE_NOTES = [
    (),
    *((Observation(id=name, params={"lines": [1], "line": 1, "names": ["x"], "name": "x", "entry": "y"}),)
      for name in sorted(
        {*REVIEW_FACTS, "intake.stand_in", "intake.entry_lost", "intake.settings_missing", "intake.damage_suspected",
         "intake.module_unavailable"}
    )),
]  # fmt: skip
"""What intake may note on code that runs, one note at a time."""
LIMIT = LimitHit(limit="CPU time", allowed=1, used=1, unit="s")
FAILURES: list[dict[str, Any]] = [
    *(
        {"outcome": Outcome.ERROR, "stage": stage, "error": StudentError(type=kind, message="m", wanted=wanted)}
        for stage, kind, wanted in itertools.product(
            ("load", "build", "forward", "backward", "call"),
            ("TypeError", "KeyError", "ImportError", "FileNotFoundError", "NameError", "ValueError"),
            (None, Wanted.GPU, Wanted.DOWNLOAD, Wanted.NETWORK),
        )
    ),
    *(
        {"outcome": outcome, "stage": stage, "limit": LIMIT}
        for outcome, stage in itertools.product(
            (Outcome.TIMEOUT, Outcome.MEMORY, Outcome.FORBIDDEN, Outcome.OUTPUT_LIMIT, Outcome.PROTOCOL, Outcome.DIED),
            ("load", "build", "forward", "backward", "call"),
        )
    ),
]
UNREADABLE = ("code.damaged", "code.damaged_beyond_repair", "code.newer_python", "code.syntax_error", "code.misspelt")
CALL_NOTES = ("kd.call.no_alpha", "kd.call.no_temperature", "kd.call.first_of_several", "kd.call.built_in", "kd.hidden")
"""The last one only where the hard term is wrong."""


def kd(wrong: str = "", **changes: Any) -> KDLossEvidence:
    """Evidence of a loss whose terms are right, except for those named."""
    worst = {"case": "c", "alpha": 0.0, "temperature": 2.0, "expected": 1.0, "got": 2.0, "error": 1.0}
    failed = TermEvidence(agrees=False, cases=4, failed=4, worst=worst)
    terms = {
        name: failed if name in wrong.split() else TermEvidence(agrees=True, cases=4)
        for name in ("hard_term", "soft_term", "mixture", "gradient")
    }
    return KDLossEvidence(**{**terms, "call": "loss_fn_kd(...)", **changes})


def models() -> Iterator[CodeEvidence]:
    yield architecture(parameters=None)
    yield architecture(parameters=10**6)
    yield architecture(probes=PROBES[:1])
    yield architecture(gradients_reached=0)
    yield architecture(hidden_numbers=10**6)
    yield architecture(notes=(Observation(id="model.batch_of_one"),))
    for state in ("pending", "confirmed", "no_artefact", "refused", "disagrees", "unpacked", "over_limit"):
        for repeatable in (True, False):
            yield architecture(verified=state == "confirmed", verification=state, repeatable=repeatable)
    for failure, parameters in itertools.product(FAILURES, (None, 50_000, 10**6)):
        if failure["stage"] != "call":
            yield architecture(parameters=parameters, verified=False, verification="pending", **failure)
    yield from unreadable(architecture(parameters=None))


def losses() -> Iterator[CodeEvidence]:
    yield kd()
    yield kd(stateful=True)
    for name in ("unreadable", "unknown_parameter", "no_place"):
        yield kd(notes=(Observation(id=f"kd.signature.{name}"),))
    for wrong in ("", "hard_term", "soft_term", "mixture", "hard_term soft_term mixture"):
        yield kd(wrong)
        for name in CALL_NOTES if "hard_term" in wrong else CALL_NOTES[:-1]:
            yield kd(wrong, notes=(Observation(id=name),))
        for mistake in bank.known_mistakes():
            first, *others = mistake.ids
            yield kd(wrong, diagnosis=first, diagnosis_with=tuple(others))
    for failure in FAILURES:
        if failure["stage"] in ("load", "call"):
            yield kd(**failure)
        if failure["stage"] == "call" and failure["outcome"] is Outcome.ERROR:
            yield kd(**failure, notes=(Observation(id="kd.call.by_position"), Observation(id="kd.call.no_alpha")))
    yield from unreadable(kd())


def unreadable(evidence: CodeEvidence) -> Iterator[CodeEvidence]:
    """The evidence of a text that intake could not read."""
    error = StudentError(type="SyntaxError", message="m", line=1)
    for name in UNREADABLE:
        failure = {"outcome": Outcome.ERROR, "stage": "intake", "error": error, "notes": (Observation(id=name),)}
        yield evidence.model_copy(update=failure)


def assert_kept(result: QuestionScore) -> set[str]:
    """Every promise of the result is kept; returns the ids that promise."""
    promised = {message.id for message in result.messages if message.id in PROMISING}
    assert not promised or result.verdict is Verdict.NEEDS_REVIEW, result
    return promised


@pytest.mark.parametrize("message_id", sorted(messages.ids()))
def test_promise_is_the_same_in_both_languages(message_id: str) -> None:
    texts = messages.catalogue()[message_id]
    assert (PROMISE["en"] in texts["en"]) == (PROMISE["zh-Hant"] in texts["zh-Hant"]), texts


@pytest.mark.parametrize("slug", bundled_slugs())
@pytest.mark.parametrize("check", ["architecture", "kd_loss"])
def test_result_whose_message_promises_a_review_waits_for_it(slug: str, check: str) -> None:
    assignment = bundled(slug)
    question = next((question for question in assignment.questions if question.check == check), None)
    if question is None:
        pytest.skip("the assignment has no such question")
    promised: set[str] = set()
    for evidence in models() if check == "architecture" else losses():
        for notes in INTAKE_NOTES:
            noted = evidence.model_copy(update={"notes": (*evidence.notes, *notes)})
            promised |= assert_kept(score(assignment, question.number, noted))
    assert len(promised) > 10, sorted(promised)
