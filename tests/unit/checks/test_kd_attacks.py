"""Losses that try to earn points without being right, and what the child is sent at all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.assignment import Assignment
from grader.checks.kd_loss import measure as kd_loss
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.evidence import Outcome
from grader.sandbox.replies import Array, Reply
from grader.scoring import Verdict, score
from reference_models.kd import bank, cases, reference
from reference_models.kd.reference import Loss
from tests.unit.checks.harness_in_process import HarnessInProcess
from tests.unit.checks.kd_examination import documented, examine


def test_answering_by_call_count_is_seen(hw13: Assignment) -> None:
    calls = itertools.count()

    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        return reference.loss(s, y, t, alpha, temperature) * (1.0 if next(calls) < 20 else 0.9)

    evidence, result = examine(documented(loss), hw13)
    assert result.score < 0.5
    assert not evidence.soft_term.agrees


def test_random_loss_is_not_repeatable(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        return reference.loss(F.dropout(s, 0.5), y, t, alpha, temperature)

    evidence, result = examine(documented(loss), hw13)
    assert evidence.stateful
    assert evidence.diagnosis is None
    assert (result.score, result.verdict) == (0, Verdict.NEEDS_REVIEW)


@pytest.mark.parametrize("seed", [1, 2])
def test_table_of_the_fixed_cases_is_not_right_at_whole_temperatures(seed: int, hw13: Assignment) -> None:
    """Their temperatures are whole, and those of the drawn cases are not."""
    book = cases.read(hw13.files["kd_cases.json"])
    known = {inputs.student.tobytes() for inputs in book.inputs}

    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        right = reference.loss(s, y, t, alpha, temperature)
        return right if s.detach().numpy().tobytes() in known else right * 0 + 1.0

    evidence, result = examine(documented(loss), hw13, seed)
    assert "kd.whole_temperatures" not in [note.id for note in evidence.notes]
    assert (result.score, result.verdict) == (0, Verdict.NONE)


def test_known_mistake_is_not_named_when_answers_do_not_repeat(hw13: Assignment) -> None:
    """Weights swapped at the first sight of an input, something else at the second."""
    seen: set[tuple[bytes, float, float]] = set()

    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        key = (s.detach().numpy().tobytes(), alpha, temperature)
        again = key in seen
        seen.add(key)
        return reference.loss(s, y, t, 1 - alpha, temperature) + (1e-3 if again else 0.0)

    evidence, result = examine(documented(loss), hw13)
    assert evidence.stateful
    assert evidence.diagnosis is None
    assert (result.score, result.verdict) == (0, Verdict.NEEDS_REVIEW)


def test_learning_the_published_cases_by_heart_gains_nothing(hw13: Assignment) -> None:
    """Answers right on every fixed case, zero elsewhere: the fresh cases decide."""
    fixed = {inputs.student.tobytes() for inputs in cases.read(hw13.files["kd_cases.json"]).inputs}

    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        known = s.detach().numpy().tobytes() in fixed
        return reference.loss(s, y, t, alpha, temperature) * (1.0 if known else 0.0)

    evidence, result = examine(documented(loss), hw13)
    assert 0 < evidence.soft_term.failed < evidence.soft_term.cases
    assert result.score == 0


def _smoothed(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
    hard = F.cross_entropy(s, y, label_smoothing=0.008)
    return alpha * reference.soft_term(s, t, temperature) + (1 - alpha) * hard


def _power(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
    soft = reference.soft_term(s, t, temperature) / math.pow(temperature, 0.015)
    return alpha * soft + (1 - alpha) * reference.hard_term(s, y)


def _looks_drawn(s: Tensor) -> bool:
    """Three decimals, or several logits at the same bound, as no network has them."""
    values = s.detach().double()
    return torch.equal(values.float(), (values * 1000).round().div(1000).float()) or bool((values == 4).sum() > 1)


NEARLY_RIGHT: dict[str, Loss] = {
    "0.9 % too much": lambda *args: reference.loss(*args) * 1.009,
    "0.3 % too little": lambda *args: reference.loss(*args) * 0.997,
    "label smoothing of 0.008": _smoothed,
    "T to the power of 1.985": _power,
    "T of 6 at most": lambda s, y, t, a, tau: reference.loss(s, y, t, a, min(tau, 6.0)),
    "T of 10 at most": lambda s, y, t, a, tau: reference.loss(s, y, t, a, min(tau, 10.0)),
    "T of 9 at most": lambda s, y, t, a, tau: reference.loss(s, y, t, a, min(tau, 9.0)),
    "T of 8 at most": lambda s, y, t, a, tau: reference.loss(s, y, t, a, min(tau, 8.0)),
    "wrong for batches of one": lambda s, *rest: reference.loss(s, *rest) * (1.0 if len(s) > 1 else 1.05),
    "doubled for batches of one": lambda s, *rest: reference.loss(s, *rest) * (1.0 if len(s) > 1 else 2.0),
    "the teacher of a batch of one": lambda s, y, t, *rest: reference.loss(s, y, t if len(s) > 1 else t * 0, *rest),
    "T of 1 at least": lambda s, y, t, a, tau: reference.loss(s, y, t, a, max(tau, 1.0)),
    "T to one decimal": lambda s, y, t, a, tau: reference.loss(s, y, t, a, round(tau, 1)),
    "alpha to one decimal": lambda s, y, t, a, tau: reference.loss(s, y, t, round(a, 1), tau),
    "logits to one decimal": lambda s, y, t, a, tau: reference.loss(s, y, t.mul(10).round().div(10), a, tau),
    "right where numbers are short": lambda s, *rest: reference.loss(s, *rest) * (1.0 if _looks_drawn(s) else 0.99),
    "wrong for batches of one and two": lambda s, *rest: reference.loss(s, *rest) * (1.0 if len(s) > 2 else 1.004)
    + 0.004 * s.pow(2).mean(),
}  # fmt: skip


@pytest.mark.parametrize("loss", NEARLY_RIGHT.values(), ids=list(NEARLY_RIGHT))
def test_loss_that_is_a_little_wrong_is_not_full(loss: Loss, hw13: Assignment) -> None:
    results = [examine(documented(loss), hw13, seed)[1] for seed in range(2)]
    assert all(result.verdict is not Verdict.FULL for result in results)
    assert not any(message.id == "kd.small_probabilities" for result in results for message in result.messages)


def test_writing_into_the_inputs_gets_a_remark(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        value = reference.loss(s, y.clone(), t.clone(), alpha, temperature)
        t.zero_()
        y.zero_()
        return value

    evidence, result = examine(documented(loss), hw13)
    assert result.verdict is Verdict.FULL
    assert "kd.remark.changes_arguments" in [note.id for note in evidence.notes]


def test_student_logits_written_over_with_the_teachers_earn_nothing(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        with torch.no_grad():
            s.copy_(t)
        return reference.loss(s, y, t, alpha, temperature)

    assert examine(documented(loss), hw13)[1].score == 0


def test_tensor_subclass_that_claims_to_equal_everything_gains_nothing(hw13: Assignment) -> None:
    class Yes(Tensor):
        def __eq__(self, other: object) -> Any:
            return True

        def __sub__(self, other: object) -> Any:
            return self * 0

        def item(self) -> float:
            return 0.0

        __hash__ = Tensor.__hash__

    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        return (F.mse_loss(s, t) * 7).as_subclass(Yes)

    evidence, result = examine(documented(loss), hw13)
    assert not evidence.hard_term.agrees
    assert result.score == 0


@pytest.mark.parametrize(
    "forged",
    [
        Reply(Outcome.OK, {"kind": "tensor"}, (np.array(["x"]),)),
        Reply(Outcome.OK, {"kind": 7}, (np.zeros((2, 2, 2)),)),
        Reply(Outcome.OK, {}, (np.array(1.0), np.zeros(3), np.zeros(3))),
        Reply(Outcome.OK, {"kind": "NoneType" * 1000}, ()),
        Reply(Outcome.OK, {"kind": "tensor"}, (np.array(True),)),
        Reply(Outcome.ERROR),
    ],
)
def test_forged_answers_are_only_wrong(forged: Reply, hw13: Assignment) -> None:
    class Forger(HarnessInProcess):
        def request(self, op: str, meta: dict[str, Any] | None = None, arrays: Sequence[Array] = ()) -> Reply:
            return super().request(op, meta, arrays) if op == "loss.inspect" else forged

    child = Forger(documented(reference.loss))
    evidence = kd_loss.measure(child, hw13, hw13.question("2.1"), np.random.default_rng(0))
    assert score(hw13, "2.1", evidence).score == 0


# -- what the child is sent ---------------------------------------------------------------------------------------


def test_only_inputs_travel_in_few_calls(hw13: Assignment) -> None:
    child = HarnessInProcess(documented(reference.loss))
    kd_loss.measure(child, hw13, hw13.question("2.1"), np.random.default_rng(0))
    assert len(child.sent) <= 60
    for op, meta, arrays in child.sent[1:]:
        assert op == "loss.call"
        assert set(meta) - {"strided"} == {"entry", "args", "kwargs", "init_kwargs", "grad"}
        assert [array.ndim for array in arrays[::2]] == [2, 2]
        assert len(arrays) == 3


def _order(hw13: Assignment, seed: int) -> list[tuple[bytes, float, float]]:
    """The scored calls on fixed inputs, in the order in which the child got them."""
    fixed = {inputs.student.tobytes() for inputs in cases.read(hw13.files["kd_cases.json"]).inputs}
    child = HarnessInProcess(documented(lambda s, y, t, alpha, temperature: s.sum() * alpha))
    kd_loss.measure(child, hw13, hw13.question("2.1"), np.random.default_rng(seed))
    calls = [(arrays[0].tobytes(), meta["kwargs"]) for _, meta, arrays in child.sent[1:]]
    return [(s, k["alpha"]["value"], k["temperature"]["value"]) for s, k in calls if s in fixed]


def test_order_is_drawn_anew_and_some_calls_are_made_twice(hw13: Assignment) -> None:
    orders = [_order(hw13, seed) for seed in range(5)]
    assert len({tuple(dict.fromkeys(order)) for order in orders}) == len(orders)
    assert any(len(set(order)) < len(order) for order in orders)


def test_same_seed_gives_the_same_evidence(hw13: Assignment) -> None:
    one, other = (examine(documented(reference.loss), hw13, seed=3)[0] for _ in range(2))
    assert one == other
    assert one.seeds != examine(documented(reference.loss), hw13, seed=4)[0].seeds


def test_evidence_survives_storage(hw13: Assignment) -> None:
    for mistake in bank.known_mistakes()[::9]:
        evidence, _ = examine(documented(mistake.losses[0]), hw13)
        assert KDLossEvidence.model_validate_json(evidence.model_dump_json()) == evidence
