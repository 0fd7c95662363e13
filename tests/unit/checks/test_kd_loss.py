"""The examiner of question 2.1 on our own losses: right ones earn everything, each mistake is named and priced."""

from __future__ import annotations

import functools
import itertools
import math
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from grader.assignment import Assignment, bundled
from grader.checks.kd_loss import kd_replay, kd_rubric
from grader.checks.kd_loss import measure as kd_loss
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.evidence import LimitHit, Outcome
from grader.sandbox.replies import Array, Reply
from grader.scoring import QuestionScore, Verdict, score
from reference_models.kd import bank, cases, closed_form, reference
from reference_models.kd.reference import Loss
from tests import slices
from tests.unit.checks.harness_in_process import HarnessInProcess
from tests.unit.checks.kd_examination import documented, examine

CLASSES = 11


def _mistake(index: int, mistake: bank.Mistake, number: int) -> object:
    """Of two mistakes made together, `make test` examines one loss of every second pair, of each form in turn."""
    is_left_out = len(mistake.ids) > 1 and (index % 2 == 1 or number != index // 2 % len(mistake.losses))
    marks = [pytest.mark.thorough] if is_left_out else []
    return pytest.param(mistake, number, id=f"{mistake.name}-{number}", marks=marks)


MISTAKES = [
    _mistake(index, mistake, number)
    for index, mistake in enumerate(bank.known_mistakes())
    for number in range(len(mistake.losses))
]
SEEDS = 20 if "ASSAY_TEST_SEARCH" in os.environ else 2
"""Draws of cases on which the tolerances are compared."""
INDISTINGUISHABLE = {"kd.soft_term.student_with_itself": "kd.soft_term.missing"}


@pytest.mark.parametrize("seed", slices.every(5, range(5)))
@pytest.mark.parametrize("style", bank.correct_styles())
def test_every_correct_style_earns_full_points(style: str, seed: int, hw13: Assignment) -> None:
    evidence, result = examine(documented(bank.correct_styles()[style]), hw13, seed)
    assert result.verdict is Verdict.FULL, result.messages
    assert result.score == 0.5
    assert evidence.diagnosis is None
    assert not evidence.stateful


@functools.cache
def examined(mistake: bank.Mistake, number: int) -> tuple[KDLossEvidence, QuestionScore]:
    """One loss of a known mistake, examined once for all tests."""
    return examine(documented(mistake.losses[number]), bundled("hw13"), seed=number)


@pytest.mark.parametrize(("mistake", "number"), MISTAKES)
def test_every_mistake_is_diagnosed_and_priced(mistake: bank.Mistake, number: int, hw13: Assignment) -> None:
    evidence, result = examined(mistake, number)
    named = INDISTINGUISHABLE.get(mistake.ids[0], mistake.ids[0])
    candidates = (mistake.ids, *[tuple(also.split("+")) for also in evidence.diagnosis_also])
    assert evidence.diagnosis == named
    assert mistake.ids == (evidence.diagnosis, *evidence.diagnosis_with) or mistake.ids in candidates
    rubric = kd_rubric.rows(hw13, hw13.question("2.1")).get("+".join(mistake.ids))
    terms = 0.25 * (evidence.hard_term.agrees + evidence.soft_term.agrees)
    assert result.score == (rubric["points"] if rubric else terms)
    assert result.score < 0.5
    assert {message.id for message in result.messages} >= {evidence.diagnosis, *evidence.diagnosis_with, "kd.called"}


def test_points_are_those_of_the_terms_unless_the_rubric_has_a_reason() -> None:
    """Where points differ from the terms that agree, and only there, a mistake is judged by what it is."""
    differ = set()
    for mistake in bank.known_mistakes():
        if len(mistake.ids) > 1:
            continue
        for number in range(len(mistake.losses)):
            evidence, result = examined(mistake, number)
            agreeing = 0.25 * (evidence.hard_term.agrees + evidence.soft_term.agrees)
            if result.score != agreeing:
                differ.add(mistake.ids[0])
    assert differ == {
        "kd.soft_term.not_reduced",
        "kd.hard_term.not_reduced",
        "kd.alpha_swapped",
        "kd.alpha_hard_coded",
        "kd.alpha_ignored",
        "kd.alpha_on_both_terms",
        "kd.gradient.detached",
        "kd.gradient.soft_term_detached",
        "kd.gradient.hard_term_detached",
    }


def test_swapped_direction_is_provisional_and_never_zero(hw13: Assignment) -> None:
    mistake = next(mistake for mistake in bank.known_mistakes() if mistake.ids == ("kd.soft_term.direction_swapped",))
    _, result = examine(documented(mistake.losses[0]), hw13)
    assert result.verdict is Verdict.NEEDS_REVIEW
    assert result.score == 0.25


def test_the_graded_example_earns_its_quarter(hw13: Assignment) -> None:
    """Probabilities for log-probabilities, other parameter names in another order, and a notebook's configuration."""
    cfg: dict[str, Any] = {"MIXUP": None}

    def loss_fn_kd(
        student_logits: Tensor,
        teacher_logits: Tensor,
        y_a: Tensor,
        y_b: Tensor | None = None,
        lam: float = 0,
        alpha: float = 0.3,
        temperature: float = 2.0,
    ) -> Tensor:
        p = F.softmax(student_logits / temperature, dim=-1)
        q = F.softmax(teacher_logits / temperature, dim=-1)
        soft: Tensor = torch.nn.KLDivLoss(reduction="batchmean")(p, q)
        if cfg["MIXUP"] and y_b is not None:
            raise AssertionError("mixup is off")
        return alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(student_logits, y_a)

    evidence, result = examine(loss_fn_kd, hw13)
    assert evidence.diagnosis == "kd.soft_term.probabilities_not_log"
    assert (evidence.hard_term.agrees, evidence.soft_term.agrees) == (True, False)
    assert (result.score, result.verdict) == (0.25, Verdict.PARTIAL)
    assert evidence.call == (
        "loss_fn_kd(student_logits=student_logits, teacher_logits=teacher_logits, y_a=labels, alpha=alpha, "
        "temperature=temperature)"
    )


def test_mistake_that_the_homeworks_setting_hides_is_diagnosed(hw13: Assignment) -> None:
    """Weights swapped, no T^2, only the teacher softened: exact at alpha = 0.5, T = 1, and caught."""
    (together,) = [m for m in bank.known_mistakes() if m.name == "pair_alpha_swapped_teacher_only_no_square"]
    inputs = torch.randn(4, 11), torch.randint(0, 11, (4,)), torch.randn(4, 11)
    swapped = together.losses[0](*inputs, 0.5, 1.0)
    assert swapped is not None
    assert float(swapped) == pytest.approx(float(reference.loss(*inputs, 0.5, 1.0)), rel=1e-6)
    evidence, result = examine(documented(together.losses[0]), hw13)
    assert (evidence.diagnosis, *evidence.diagnosis_with) == together.ids
    assert result.score == 0


def test_wrong_mixture_of_right_terms_earns_one_term(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        return alpha**2 * reference.soft_term(s, t, temperature) + (1 - alpha) ** 2 * reference.hard_term(s, y)

    evidence, result = examine(documented(loss), hw13)
    assert (evidence.hard_term.agrees, evidence.soft_term.agrees, evidence.mixture.agrees) == (True, True, False)
    assert (result.score, result.verdict) == (0.25, Verdict.PARTIAL)
    assert [note.id for note in result.messages][:4] == [
        "kd.unknown_mistake",
        "kd.hard_term.ok",
        "kd.soft_term.ok",
        "kd.mixture.wrong",
    ]


def test_mistake_without_gradient_is_named_with_both(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        soft = F.kl_div(F.softmax(s / temperature, 1), F.softmax(t / temperature, 1), reduction="batchmean")
        return (alpha * temperature**2 * soft + (1 - alpha) * F.cross_entropy(s, y)).detach()

    evidence, _ = examine(documented(loss), hw13)
    assert evidence.diagnosis == "kd.soft_term.probabilities_not_log"
    assert evidence.diagnosis_with == ("kd.gradient.detached",)


def test_unknown_mistake_is_reported_with_its_numbers(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        return 1.3 * alpha * reference.soft_term(s, t, temperature) + (1 - alpha) * reference.hard_term(s, y)

    evidence, result = examine(documented(loss), hw13)
    assert evidence.diagnosis is None
    assert result.score == 0.25
    wrong = next(note for note in result.messages if note.id == "kd.soft_term.wrong")
    assert wrong.params["got"] == pytest.approx(1.3 * wrong.params["expected"], rel=1e-4)
    assert wrong.params["alpha"] == 1.0
    assert wrong.params["failed"] == wrong.params["cases"] == evidence.soft_term.cases


# -- answers that are no number -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (lambda value: {"loss": [value]}, "kd.value.not_a_number"),
        (lambda value: (1.0, value), "kd.value.not_a_number"),
        (lambda value: (), "kd.value.not_a_number"),
        (lambda value: "0.5", "kd.value.not_a_number"),
        (lambda value: True, "kd.value.not_a_number"),
        (lambda value: torch.complex(value, value), "kd.value.not_a_number"),
        (lambda value: value.repeat(2), "kd.value.shape"),
        (lambda value: value.repeat(0), "kd.value.shape"),
        (lambda value: value * math.inf, "kd.value.not_finite"),
        (lambda value: math.nan, "kd.value.not_finite"),
    ],
)
def test_answer_without_a_finite_number_never_agrees(
    answer: Callable[[Tensor], Any], note: str, hw13: Assignment
) -> None:
    def loss_fn_kd(student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, T: float) -> Any:  # noqa: N803
        return answer(reference.loss(student_logits, labels, teacher_logits, alpha, T))

    evidence, result = examine(loss_fn_kd, hw13)
    for term in (evidence.hard_term, evidence.soft_term, evidence.mixture, evidence.gradient):
        assert not term.agrees
        assert term.failed == term.cases
    assert result.score == 0
    ids = {message.id for message in result.messages}
    assert "kd.hard_term.no_number" in ids
    assert note in ids


def test_wrong_number_with_a_right_gradient_hides_no_term(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        return reference.loss(s, y, t, alpha, temperature) + 1

    evidence, _ = examine(documented(loss), hw13)
    assert (evidence.hard_term.agrees, evidence.gradient.agrees) == (False, True)
    assert "kd.hidden" not in {note.id for note in evidence.notes}


def test_raising_in_some_cases_is_reported(hw13: Assignment) -> None:
    def loss_fn_kd(
        student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
    ) -> Tensor:
        if alpha == 0:
            raise ZeroDivisionError("division by alpha")
        return reference.loss(student_logits, labels, teacher_logits, alpha, temperature)

    evidence, result = examine(loss_fn_kd, hw13)
    assert evidence.outcome is Outcome.OK
    assert (evidence.hard_term.agrees, evidence.soft_term.agrees) == (False, True)
    assert (result.score, result.verdict) == (0.25, Verdict.NEEDS_REVIEW)
    raised = result.messages[0]
    assert raised.id == "kd.value.raises"
    assert raised.params["type"] == "ZeroDivisionError"
    assert raised.params["alpha"] == 0
    assert 0 < raised.params["failed"] == evidence.hard_term.cases < raised.params["cases"]


@pytest.mark.parametrize("ends", ["refused", "replaced"])
def test_loss_that_is_right_between_the_ends_is_never_a_plain_zero(ends: str, hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        if ends == "refused":
            assert 0 < alpha < 1
        return reference.loss(s, y, t, alpha if 0 < alpha < 1 else 0.5, temperature)

    evidence, result = examine(documented(loss), hw13)
    assert (evidence.hard_term.agrees, evidence.soft_term.agrees, evidence.mixture.agrees) == (False, False, True)
    assert (result.score, result.verdict) == (0.25, Verdict.NEEDS_REVIEW)
    ids = [note.id for note in result.messages]
    assert "kd.right_between" in ids
    assert "kd.unknown_mistake" not in ids


def test_first_of_several_numbers_is_examined_and_needs_review(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Any:
        soft, hard = reference.soft_term(s, t, temperature), reference.hard_term(s, y)
        return alpha * soft + (1 - alpha) * hard, soft, hard

    evidence, result = examine(documented(loss), hw13)
    assert evidence.gradient.agrees
    assert (result.score, result.verdict) == (0.5, Verdict.NEEDS_REVIEW)
    note = next(note for note in result.messages if note.id == "kd.call.first_of_several")
    assert note.params == {"kind": "tuple"}


def test_scripted_loss_is_called_by_its_schema(hw13: Assignment) -> None:
    def loss_fn_kd(
        student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float = 0.5, temperature: float = 1.0
    ) -> Tensor:
        p = torch.log_softmax(student_logits / temperature, 1)
        q = torch.softmax(teacher_logits / temperature, 1)
        soft = torch.nn.functional.kl_div(p, q, reduction="batchmean")
        hard = torch.nn.functional.cross_entropy(student_logits, labels)
        return alpha * temperature * temperature * soft + (1.0 - alpha) * hard

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.script(loss_fn_kd)
    evidence, result = examine(scripted, hw13)
    assert result.verdict is Verdict.FULL, result.messages
    assert "alpha=alpha, temperature=temperature" in evidence.call


def test_undefined_name_in_some_cases_needs_review(hw13: Assignment) -> None:
    def loss_fn_kd(
        student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
    ) -> Tensor:
        if temperature > 1:
            return soften(student_logits)  # type: ignore[name-defined,no-any-return]  # noqa: F821
        return reference.loss(student_logits, labels, teacher_logits, alpha, temperature)

    evidence, result = examine(loss_fn_kd, hw13)
    assert [missing.name for missing in evidence.missing_names] == ["soften"]
    assert result.verdict is Verdict.NEEDS_REVIEW


def test_raising_always_is_an_error(hw13: Assignment) -> None:
    def loss_fn_kd(
        student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float, temperature: float
    ) -> Tensor:
        return soften(student_logits)  # type: ignore[name-defined,no-any-return]  # noqa: F821

    evidence, result = examine(loss_fn_kd, hw13)
    assert (evidence.outcome, evidence.stage) == (Outcome.ERROR, "call")
    assert [missing.name for missing in evidence.missing_names] == ["soften"]
    assert (result.score, result.verdict) == (0, Verdict.NEEDS_REVIEW)


def test_fresh_tensors_have_the_classes_of_the_question(hw13: Assignment) -> None:
    widths = set()

    def loss_fn_kd(
        student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float = 0.5, temperature: float = 1.0
    ) -> Tensor:
        widths.add(student_logits.shape[1])
        return reference.loss(student_logits, labels, teacher_logits, alpha, temperature)

    question = hw13.question("2.1")
    question = question.model_copy(update={"options": {**question.options, "classes": 7}})
    kd_loss.measure(HarnessInProcess(loss_fn_kd), hw13, question, np.random.default_rng(0))
    assert 7 in widths


def test_missing_entry_point_is_named(hw13: Assignment) -> None:
    child = HarnessInProcess(reference.loss)
    question = hw13.question("2.1")
    question = question.model_copy(update={"options": {**question.options, "entry": "kd"}})
    evidence = kd_loss.measure(child, hw13, question, np.random.default_rng(0), defined_names=("_x", "net"))
    result = score(hw13, "2.1", evidence)
    assert (result.score, result.verdict) == (0, Verdict.NONE)
    params = {"name": "kd", "defined": ["net"]}
    assert [(note.id, note.params) for note in result.messages] == [("kd.no_entry_point", params)]


def test_unbindable_signature_needs_review(hw13: Assignment) -> None:
    def loss_fn_kd(student_logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(student_logits, labels)

    _, result = examine(loss_fn_kd, hw13)
    assert (result.score, result.verdict) == (0, Verdict.NEEDS_REVIEW)
    assert [note.id for note in result.messages] == ["kd.signature.no_place"]


def test_death_in_the_middle_is_the_outcome(hw13: Assignment) -> None:
    class DiesAtTheTenth(HarnessInProcess):
        def request(self, op: str, meta: dict[str, Any] | None = None, arrays: Sequence[Array] = ()) -> Reply:
            if len(self.sent) == 10:
                return Reply(Outcome.TIMEOUT, limit=LimitHit(limit="wall", allowed=10, used=10, unit="s"))
            return super().request(op, meta, arrays)

    child = DiesAtTheTenth(documented(reference.loss))
    evidence = kd_loss.measure(child, hw13, hw13.question("2.1"), np.random.default_rng(0))
    assert (evidence.outcome, evidence.stage) == (Outcome.TIMEOUT, "call")
    assert evidence.limit is not None
    assert len(child.sent) == 10
    assert score(hw13, "2.1", evidence).score == 0


# -- signatures without alpha or temperature ----------------------------------------------------------------------


def test_loss_that_meets_a_limit_can_be_repeated_at_home(hw13: Assignment) -> None:
    limit = LimitHit(limit="CPU time", allowed=40, used=40, unit="s")
    evidence = KDLossEvidence(seeds=(3,), call="loss_fn_kd(student_logits)", outcome=Outcome.TIMEOUT, limit=limit)
    (failure,) = kd_replay.failures(hw13, hw13.question("2.1"), evidence)
    assert (failure.term, failure.expected) == ("call", None)


def test_signature_of_2021_is_examined_as_far_as_it_goes(hw13: Assignment) -> None:
    def loss_fn_kd(outputs: Tensor, labels: Tensor, teacher_outputs: Tensor, alpha: float = 0.5) -> Tensor:
        return reference.loss(outputs, labels, teacher_outputs, alpha, 1.0)

    evidence, result = examine(loss_fn_kd, hw13)
    assert evidence.hard_term.agrees
    assert evidence.diagnosis == "kd.temperature_ignored"
    assert (result.score, result.verdict) == (0.25, Verdict.NEEDS_REVIEW)
    assert "kd.call.no_temperature" in {note.id for note in result.messages}


@pytest.mark.parametrize("style", ["attribute", "key"])
def test_settings_object_of_the_tutorial_is_given(style: str, hw13: Assignment) -> None:
    """``loss_fn_kd(outputs, labels, teacher_outputs, params)``, where the function's name comes from."""

    def loss_fn_kd(outputs: Tensor, labels: Tensor, teacher_outputs: Tensor, params: Any) -> Tensor:
        alpha, temperature = (params.alpha, params.T) if style == "attribute" else (params["alpha"], params["temp"])
        return reference.loss(outputs, labels, teacher_outputs, alpha, temperature)

    evidence, result = examine(loss_fn_kd, hw13)
    assert result.verdict is Verdict.FULL, result.messages
    assert evidence.call.endswith("params=settings(alpha=alpha, temperature=temperature))")


@pytest.mark.parametrize(("alpha", "temperature"), [(0.4, 1.0), (0.5, 1.0), (0.3, 4.0), (0.9, 20.0)])
def test_built_in_numbers_are_reported(alpha: float, temperature: float, hw13: Assignment) -> None:
    def loss_fn_kd(outputs: Tensor, labels: Tensor, teacher_outputs: Tensor) -> Tensor:
        return reference.loss(outputs, labels, teacher_outputs, alpha, temperature)

    _, result = examine(loss_fn_kd, hw13)
    assert (result.score, result.verdict) == (0.25, Verdict.NEEDS_REVIEW)
    note = next(note for note in result.messages if note.id == "kd.call.built_in")
    assert note.params == {"alpha": alpha, "temperature": temperature}


@pytest.mark.parametrize("wrong", ["mse", "scaled", "focal"])
def test_wrong_loss_without_numbers_has_none_built_in(wrong: str, hw13: Assignment) -> None:
    def loss_fn_kd(outputs: Tensor, labels: Tensor, teacher_outputs: Tensor) -> Tensor:
        soft, hard = reference.soft_term(outputs, teacher_outputs, 2.0), reference.hard_term(outputs, labels)
        if wrong == "mse":
            soft = F.mse_loss(outputs, teacher_outputs)
        return 0.5 * soft + (0.4 if wrong == "scaled" else 0.5) * hard * (1 if wrong != "focal" else 1 - (-hard).exp())

    _, result = examine(loss_fn_kd, hw13)
    assert (result.score, result.verdict) == (0, Verdict.NEEDS_REVIEW)
    assert "kd.call.built_in" not in {note.id for note in result.messages}


def test_class_with_constructor_arguments_is_right(hw13: Assignment) -> None:
    class KDLoss(torch.nn.Module):
        def __init__(self, alpha: float = 0.5, temperature: float = 1.0) -> None:
            super().__init__()
            self.alpha, self.temperature = alpha, temperature

        def forward(self, student_logits: Tensor, teacher_logits: Tensor, targets: Tensor) -> Tensor:
            return reference.loss(student_logits, targets, teacher_logits, self.alpha, self.temperature)

    evidence, result = examine(KDLoss, hw13)
    assert result.verdict is Verdict.FULL, result.messages
    assert evidence.call.startswith("loss_fn_kd(alpha=alpha, temperature=temperature)(student_logits=student_logits, ")


# -- remarks that cost nothing ------------------------------------------------------------------------------------


def _remarks(loss: Loss, hw13: Assignment) -> set[str]:
    _, result = examine(documented(loss), hw13)
    assert result.score == 0.5
    return {note.id for note in result.messages if note.id.startswith("kd.remark.")}


def test_robust_loss_gets_no_remark(hw13: Assignment) -> None:
    assert _remarks(bank.correct_styles()["with_kl_div.batchmean"], hw13) == set()


def test_logarithm_of_softmax_gets_a_remark_on_large_logits(hw13: Assignment) -> None:
    assert _remarks(bank.correct_styles()["with_kl_div.log_of_softmax"], hw13) == {"kd.remark.large_logits"}


@pytest.mark.parametrize("epsilon", [1e-6, 1e-5])
@pytest.mark.parametrize("where", ["every logarithm", "kl_div", "probabilities"])
def test_epsilon_against_log_of_zero_costs_nothing(epsilon: float, where: str, hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        p, q = F.softmax(s / temperature, dim=1), F.softmax(t / temperature, dim=1)
        hard = F.cross_entropy(s, y)
        if where == "kl_div":
            soft = F.kl_div((p + epsilon).log(), q, reduction="batchmean")
        elif where == "probabilities":
            soft = ((q + epsilon) * torch.log((q + epsilon) / (p + epsilon))).sum(dim=1).mean()
        else:
            soft = (q * (torch.log(q + epsilon) - torch.log(p + epsilon))).sum(dim=1).mean()
            hard = F.nll_loss(torch.log(F.softmax(s, dim=1) + epsilon), y)
        return alpha * temperature**2 * soft + (1 - alpha) * hard

    for seed in range(3):
        _, result = examine(documented(loss), hw13, seed)
        assert (result.score, result.verdict) == (0.5, Verdict.FULL), result.messages


def test_view_of_a_tensor_that_is_not_contiguous_gets_a_remark(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        flat = t.view(-1)
        return reference.loss(s, y, flat.view(s.shape), alpha, temperature)

    assert _remarks(loss, hw13) == {"kd.remark.not_contiguous"}


def test_squeezing_a_batch_of_one_gets_a_remark(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        return reference.loss(s, y, t.squeeze(), alpha, temperature)

    assert _remarks(loss, hw13) == {"kd.remark.batch_of_one"}


def test_types_that_are_answered_wrongly_get_a_remark(hw13: Assignment) -> None:
    def loss(s: Tensor, y: Tensor, t: Tensor, alpha: float, temperature: float) -> Tensor:
        if s.dtype is torch.float64 or y.dtype is not torch.int64:
            return s.sum() * 0
        return reference.loss(s, y, t, alpha, temperature)

    expected = {"kd.remark.float64", "kd.remark.int32_labels", "kd.remark.one_hot_labels"}
    assert _remarks(loss, hw13) == expected


# -- tolerances and speed -----------------------------------------------------------------------------------------


def test_tolerances_leave_room_on_both_sides(hw13: Assignment) -> None:
    """Ten times between the worst correct style and the tolerance, and between it and the smallest real mistake."""
    book = cases.read(hw13.files["kd_cases.json"])
    fresh = [book.fresh_cases(np.random.default_rng(seed), CLASSES) for seed in range(SEEDS)]
    value_off = gradient_off = 0.0
    for case in (*book.fixed_cases(), *itertools.chain(*fresh)):
        expected, expected_gradient = closed_form.loss(case)
        for loss in bank.correct_styles().values():
            value, gradient = bank.evaluate(loss, case, torch.float32)
            assert value is not None
            assert gradient is not None
            value_off = max(value_off, abs(float(value.reshape(())) - expected) / max(abs(expected), kd_loss.FLOOR))
            off = np.abs(gradient - expected_gradient).max() / np.abs(expected_gradient).max()
            gradient_off = max(gradient_off, float(off))
    assert value_off < kd_loss.VALUE_TOLERANCE / 10
    assert gradient_off < kd_loss.GRADIENT_TOLERANCE / 10

    for mistake in bank.known_mistakes():
        by_gradient = mistake.ids[0].startswith("kd.gradient.")
        for loss in mistake.losses:
            furthest = 0.0
            for case in book.fixed_cases():
                expected, expected_gradient = closed_form.loss(case)
                value, gradient = bank.evaluate(loss, case)
                if (
                    value is None
                    or value.size != 1
                    or not np.isfinite(value).all()
                    or (by_gradient and gradient is None)
                ):
                    furthest = math.inf
                elif by_gradient and gradient is not None:
                    off = np.abs(gradient - expected_gradient).max() / np.abs(expected_gradient).max()
                    furthest = max(furthest, float(off) / kd_loss.GRADIENT_TOLERANCE)
                else:
                    off = abs(float(value.reshape(())) - expected) / max(abs(expected), kd_loss.FLOOR)
                    furthest = max(furthest, off / kd_loss.VALUE_TOLERANCE)
            assert furthest > 10, mistake.name


def test_examiner_never_imports_torch() -> None:
    """Two seconds of import would delay every first answer of a worker."""
    code = "import sys, grader.checks.kd_loss.measure; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_cases_of_another_table_are_refused(hw13: Assignment) -> None:
    cases_text = hw13.files["kd_cases.json"].replace('"fixed-1"', '"fixed-one"')
    changed = hw13.model_copy(update={"files": {**hw13.files, "kd_cases.json": cases_text}})
    with pytest.raises(ValueError, match="belongs to other cases"):
        examine(documented(reference.loss), changed)


def test_small_logits_keep_whole_temperatures_only(hw13: Assignment) -> None:
    book = cases.read(hw13.files["kd_cases.json"])
    for case in (*book.fixed_cases(), *book.fresh_cases(np.random.default_rng(3), 11)):
        temperature = kd_loss._with_small_logits(case).temperature
        assert temperature <= case.temperature
        assert not temperature.is_integer() or temperature == case.temperature, case.name
