"""Points and messages that follow from evidence."""

from __future__ import annotations

from typing import Any

import pytest

from grader import messages
from grader.assignment import bundled
from grader.checks.architecture.evidence import ArchitectureEvidence, ArtefactRecord, ForwardProbe
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.kd_loss.evidence import KDLossEvidence, TermEvidence
from grader.checks.pruning.evidence import PruningEvidence
from grader.checks.summary.evidence import SummaryEvidence
from grader.evidence import Fault, LimitHit, Observation, Outcome, StudentError, Wanted
from grader.scoring import QuestionScore, Verdict, score, total
from grader.verdicts import message_of

HW13 = bundled("hw13")
PROBES = tuple(
    ForwardProbe(batch=batch, mode=mode, kind="tensor", shape=(batch, 11), finite=True)
    for batch, mode in ((1, "eval"), (2, "eval"), (2, "train"))
)


def architecture(**changes: Any) -> ArchitectureEvidence:
    """Evidence of a sound model of 96,587 parameters, with changes."""
    sound: dict[str, Any] = {
        "parameters": 96_587,
        "trainable": 96_587,
        "verified": True,
        "verification": "confirmed",
        "hidden_numbers": 0,
        "probes": PROBES,
        "gradients_reached": 20,
        "parameter_tensors": 20,
    }
    return ArchitectureEvidence(**sound | changes)


def over_the_limit(used: int, counted: int | None, **changes: Any) -> dict[str, Any]:
    """Changes for a model of 150,000 parameters, of which its artefact uses some and torchsummary counts some."""
    artefact = ArtefactRecord(sha256="", bytes=1, parameters=used, statistics=0, constants=0, nodes=1)
    fields = {"parameters": 150_000, "artefact": artefact, "torchsummary_total": counted}
    return {**fields, "idle_parameters": (("old.weight", 90_000), ("old.bias", 9)), **changes}


def ids(result: QuestionScore) -> list[str]:
    return [note.id for note in result.messages]


def test_sound_model_earns_all() -> None:
    result = score(HW13, "1.1", architecture())
    assert (result.score, result.verdict, ids(result)) == (0.5, Verdict.FULL, ["model.ok"])


@pytest.mark.parametrize(("parameters", "points"), [(1, 0.5), (100_000, 0.5), (100_001, 0.0), (11_182_155, 0.0)])
def test_parameter_limit(parameters: int, points: float) -> None:
    result = score(HW13, "1.1", architecture(parameters=parameters))
    assert result.score == points
    assert ("model.too_many_parameters" in ids(result)) is (points == 0)


TABLE = (("position", 60_000),)


@pytest.mark.parametrize(("used", "counted", "changes", "verdict"), [
    (60_000, 60_000, {}, Verdict.NEEDS_REVIEW),
    (100_000, 100_000, {}, Verdict.NEEDS_REVIEW),
    (150_000, 90_000, {"tables": TABLE}, Verdict.NEEDS_REVIEW),
    (110_000, 90_000, {"parameters": 50_000, "hidden_numbers": 60_000, "tables": TABLE}, Verdict.NEEDS_REVIEW),
    (150_000, 60_000, {}, Verdict.NONE),  # an idle layer whose weight a function uses
    (60_000, 100_001, {}, Verdict.NONE),
    (60_000, None, {}, Verdict.NONE),
    (150_000, 90_000, {"tables": (("position", 40_000),)}, Verdict.NONE),
    (60_000, 60_000, {"verified": False, "verification": "disagrees"}, Verdict.NONE),
    (60_000, 60_000, {"verified": False, "verification": "pending"}, Verdict.NONE),
    (60_000, 60_000, {"gradients_reached": 0}, Verdict.NONE),
])  # fmt: skip
def test_what_fits_by_the_homeworks_measure_waits_for_review(
    used: int, counted: int | None, changes: dict[str, Any], verdict: Verdict
) -> None:
    result = score(HW13, "1.1", architecture(**over_the_limit(used, counted, **changes)))
    assert (result.score, result.verdict) == (0, verdict)
    assert ("model.fits_torchsummary" in ids(result)) is (verdict is Verdict.NEEDS_REVIEW)
    named = next(note for note in result.messages if note.id == "model.idle_layers")
    assert named.params == {"names": ["old"], "count": 90_009}


def test_every_problem_is_reported_at_once() -> None:
    probe = ForwardProbe(batch=1, mode="eval", kind="tensor", shape=(1, 1000), finite=True)
    result = score(HW13, "1.1", architecture(parameters=120_000, probes=(probe,)))
    assert ids(result) == ["model.output_shape", "model.too_many_parameters"]
    assert "(1, 1000)" in messages.render(result.messages[0])
    assert "20,000 more" in messages.render(result.messages[1])


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        (ForwardProbe(batch=1, mode="eval", kind="tuple"), "model.output_not_tensor"),
        (ForwardProbe(batch=2, mode="train", kind="tensor", shape=(2, 10), finite=True), "model.output_shape"),
        (ForwardProbe(batch=2, mode="train", kind="tensor", shape=None), "model.output_shape"),
        (ForwardProbe(batch=1, mode="eval", kind="tensor", shape=(1, 11), finite=False), "model.output_not_finite"),
    ],
)
def test_wrong_output_earns_nothing(probe: ForwardProbe, message: str) -> None:
    result = score(HW13, "1.1", architecture(probes=(*PROBES[:1], probe)))
    assert (result.score, result.verdict, ids(result)) == (0.0, Verdict.NONE, [message])


def test_model_that_cannot_learn_earns_nothing() -> None:
    assert ids(score(HW13, "1.1", architecture(gradients_reached=0))) == ["model.no_gradient"]


def test_unused_parameters_and_dropout_in_eval_are_only_remarked() -> None:
    result = score(HW13, "1.1", architecture(unused_parameters=("a", "b"), repeatable=False))
    assert result.score == 0.5
    assert ids(result) == ["model.ok", "model.unused_parameters", "model.not_repeatable"]


def test_hidden_numbers_count() -> None:
    result = score(HW13, "1.1", architecture(hidden_numbers=50_000, hidden_tensors=(("table", 50_000),)))
    assert (result.score, ids(result)) == (0.0, ["model.hidden_numbers"])


def test_layers_in_a_plain_list_are_only_remarked_below_the_limit() -> None:
    """Where the export carries them: a teacher that is kept in a list and never called is nobody's mistake."""
    unregistered: dict[str, Any] = {"unregistered": 5088, "unregistered_tensors": ("convs.0.weight", "convs.0.bias")}
    result = score(HW13, "1.1", architecture(parameters=363, hidden_numbers=5088, **unregistered))
    assert (result.score, result.verdict, ids(result)) == (0.5, Verdict.FULL, ["model.ok", "model.unregistered"])
    assert "5,088 weights" in messages.render(result.messages[1])
    result = score(HW13, "1.1", architecture(hidden_numbers=99_999, **unregistered))
    assert (result.score, ids(result)) == (0.0, ["model.hidden_numbers", "model.unregistered"])
    assert ids(score(HW13, "1.1", architecture(hidden_numbers=0, **unregistered))) == ["model.ok"]


@pytest.mark.parametrize("verification", ["refused", "disagrees"])
def test_unrepeatable_model_without_a_confirmed_export_is_reported_as_such(verification: str) -> None:
    result = score(HW13, "1.1", architecture(verified=False, verification=verification, repeatable=False))
    assert (result.score, result.verdict) == (0.0, Verdict.NEEDS_REVIEW)
    assert ids(result) == ["model.unverified.not_repeatable", "model.not_repeatable"]


@pytest.mark.parametrize("verification", ["no_artefact", "refused", "disagrees", "unpacked", "fixed_batch", "constant"])
def test_unverified_count_needs_review(verification: str) -> None:
    result = score(HW13, "1.1", architecture(verified=False, verification=verification))
    assert (result.score, result.verdict) == (0.0, Verdict.NEEDS_REVIEW)
    assert ids(result) == [f"model.unverified.{verification}"]


def test_large_modules_beside_the_model_need_review() -> None:
    result = score(HW13, "1.1", architecture(other_modules=(("Big", 822_011),)))
    assert (result.score, result.verdict) == (0.5, Verdict.NEEDS_REVIEW)
    assert ids(result) == ["model.ok", "model.other_modules"]


def test_missing_count_needs_review() -> None:
    result = score(HW13, "1.1", architecture(parameters=None))
    assert (result.score, result.verdict, ids(result)) == (0.0, Verdict.NEEDS_REVIEW, ["model.not_counted"])


CHANGE = Observation(id="intake.change_dropped", params={"count": 1, "lines": [4]})
TRAINING = Observation(id="intake.training_dropped", params={"count": 1, "lines": [4]})


@pytest.mark.parametrize(
    ("changes", "note", "verdict", "points"),
    [
        ({}, CHANGE, Verdict.NEEDS_REVIEW, 0.5),
        ({}, TRAINING, Verdict.FULL, 0.5),
        ({"parameters": 100_001}, CHANGE, Verdict.NEEDS_REVIEW, 0),
        ({"parameters": 100_001}, TRAINING, Verdict.NEEDS_REVIEW, 0),
        ({"outcome": Outcome.ERROR, "stage": "build"}, TRAINING, Verdict.NEEDS_REVIEW, 0),
        ({"outcome": Outcome.ERROR, "stage": "build"}, CHANGE, Verdict.NEEDS_REVIEW, 0),
        ({"outcome": Outcome.TIMEOUT, "stage": "forward"}, CHANGE, Verdict.NEEDS_REVIEW, 0),
    ],
)
def test_dropped_statement_that_may_matter_needs_review(
    changes: dict[str, Any], note: Observation, verdict: Verdict, points: float
) -> None:
    result = score(HW13, "1.1", architecture(**changes, notes=(note,)))
    assert (result.score, result.verdict) == (points, verdict)
    assert (ids(result)[0] == note.id) == (verdict is Verdict.NEEDS_REVIEW)
    assert "line" in messages.render(message_of(note))


def test_summary_of_the_model_after_dropped_statements_needs_review() -> None:
    claims: dict[str, Any] = {"claimed_total": 90_000, "actual_total": 80_000}
    assert score(HW13, "1.2", SummaryEvidence(**claims)).verdict is Verdict.NONE
    assert score(HW13, "1.2", SummaryEvidence(**claims, notes=(TRAINING,))).verdict is Verdict.NEEDS_REVIEW


NAME_ERROR = StudentError(type="NameError", message="name 'conv' is not defined", line=3, source="x", name="conv")
TYPE_ERROR = StudentError(type="TypeError", message="bad operand", line=7, source="return x + None")


CodeKind = type[ArchitectureEvidence | KDLossEvidence]


@pytest.mark.parametrize(("number", "kind"), [("1.1", ArchitectureEvidence), ("2.1", KDLossEvidence)])
class TestCodeThatDidNotEnd:
    def test_missing_paste_needs_review(self, number: str, kind: CodeKind) -> None:
        result = score(
            HW13, number, kind(outcome=Outcome.ERROR, stage="build", error=NAME_ERROR, missing_names=(("conv", 3),))
        )
        assert (result.score, result.verdict, result.fault) == (0.0, Verdict.NEEDS_REVIEW, Fault.STUDENT)
        assert ids(result) == ["code.missing_name"]
        assert "conv (line 3)" in messages.render(result.messages[0])

    def test_other_error_comes_before_a_missing_name(self, number: str, kind: CodeKind) -> None:
        result = score(
            HW13, number, kind(outcome=Outcome.ERROR, stage="forward", error=TYPE_ERROR, missing_names=(("conv", 3),))
        )
        assert result.verdict is Verdict.NONE
        assert ids(result) == ["code.error.forward", "code.missing_name"]
        assert "TypeError: bad operand (line 7: return x + None)" in messages.render(result.messages[0])

    def test_timeout_is_a_timeout_even_with_a_missing_name(self, number: str, kind: CodeKind) -> None:
        limit = LimitHit(limit="CPU time", allowed=10, used=10.2, unit="s")
        result = score(
            HW13, number, kind(outcome=Outcome.TIMEOUT, stage="build", limit=limit, missing_names=(("conv", 3),))
        )
        assert result.verdict is Verdict.NONE
        assert ids(result)[0] == "code.timeout"
        assert "10.2 s of CPU time, allowed are 10 s" in messages.render(result.messages[0])

    def test_damaged_paste_is_reported_with_missing_names(self, number: str, kind: CodeKind) -> None:
        notes = (
            Observation(id="code.damaged", params={"line": 1}),
            Observation(id="intake.fences", params={"line": 1}),
        )
        result = score(
            HW13,
            number,
            kind(outcome=Outcome.ERROR, stage="intake", error=TYPE_ERROR, missing_names=(("conv", 3),), notes=notes),
        )
        assert result.verdict is Verdict.NEEDS_REVIEW
        assert ids(result) == ["code.damaged", "code.missing_name", "intake.fences"]

    def test_damaged_paste_alone_needs_review(self, number: str, kind: CodeKind) -> None:
        for damage, verdict in (("code.damaged", Verdict.NEEDS_REVIEW), ("code.syntax_error", Verdict.NONE)):
            result = score(
                HW13,
                number,
                kind(outcome=Outcome.ERROR, stage="intake", error=TYPE_ERROR, notes=(Observation(id=damage),)),
            )
            assert (result.score, result.verdict, result.fault) == (0, verdict, Fault.STUDENT)

    def test_cause_from_intake_replaces_the_general_one(self, number: str, kind: CodeKind) -> None:
        notes = (Observation(id="intake.margin"), Observation(id="code.syntax_error", params={"line": 4}))
        result = score(HW13, number, kind(outcome=Outcome.ERROR, stage="intake", error=TYPE_ERROR, notes=notes))
        assert ids(result) == ["code.syntax_error", "intake.margin"]

    @pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.OK])
    def test_every_outcome_earns_nothing_and_has_a_text(self, number: str, kind: CodeKind, outcome: Outcome) -> None:
        for stage in ("intake", "load", "build", "forward", "backward", "call"):
            result = score(HW13, number, kind(outcome=outcome, stage=stage))
            is_heavy = outcome in (Outcome.TIMEOUT, Outcome.MEMORY) and stage in ("forward", "backward")
            verdict = Verdict.NEEDS_REVIEW if is_heavy else Verdict.NONE
            assert (result.score, result.verdict, result.fault) == (0.0, verdict, Fault.STUDENT)
            assert set(ids(result)) <= messages.ids()

    @pytest.mark.parametrize("fault", [Fault.GRADER, Fault.INFRASTRUCTURE])
    def test_our_own_fault_is_no_verdict(self, number: str, kind: CodeKind, fault: Fault) -> None:
        result = score(HW13, number, kind(fault=fault, outcome=Outcome.TIMEOUT))
        assert (result.verdict, result.fault, ids(result)) == (Verdict.FAULT, fault, [f"fault.{fault}"])


def summary(**changes: Any) -> SummaryEvidence:
    """Evidence of a summary that agrees with its model, with changes."""
    agreeing = {"claimed_total": 96_587, "actual_total": 96_587, "actual_torchsummary_total": 96_587}
    return SummaryEvidence(**agreeing | changes)


@pytest.mark.parametrize(
    ("changes", "points", "verdict", "message"),
    [
        ({}, 0.5, Verdict.FULL, "summary.ok"),
        ({"rows_claimed": 50, "rows_differ": 1}, 0.25, Verdict.PARTIAL, "summary.rows_differ"),
        ({"claimed_total": 96_588}, 0.0, Verdict.NONE, "summary.other_model"),
        ({"claimed_total": 87_907, "matches_example": True}, 0.0, Verdict.NONE, "summary.example_pasted"),
        ({"claimed_total": None}, 0.0, Verdict.NONE, "summary.no_total"),
        ({"actual_total": None}, 0.0, Verdict.NEEDS_REVIEW, "summary.no_model"),
    ],
)
def test_summary(changes: dict[str, Any], points: float, verdict: Verdict, message: str) -> None:
    result = score(HW13, "1.2", summary(**changes))
    assert (result.score, result.verdict, ids(result)) == (points, verdict, [message])


@pytest.mark.parametrize("changes", [{"actual_total": 99_000}, {"count_confirmed": False}])
def test_total_that_only_the_live_model_claims_needs_review(changes: dict[str, Any]) -> None:
    result = score(HW13, "1.2", summary(**changes))
    assert (result.score, result.verdict) == (0.5, Verdict.NEEDS_REVIEW)
    assert ids(result) == ["summary.ok", "summary.unconfirmed"]


@pytest.mark.parametrize(("changes", "points"), [({}, 0.5), ({"rows_claimed": 50, "rows_differ": 1}, 0.25)])
def test_total_beside_a_count_that_was_never_confirmed_is_provisional(changes: dict[str, Any], points: float) -> None:
    result = score(HW13, "1.2", summary(count_pending=True, **changes))
    assert (result.score, result.verdict) == (points, Verdict.NEEDS_REVIEW)
    assert ids(result)[-1] == "summary.count_pending"


def test_own_model_that_is_the_example_is_no_copy() -> None:
    same = summary(claimed_total=87_907, actual_total=87_907, matches_example=True)
    assert score(HW13, "1.2", same).verdict is Verdict.FULL


@pytest.mark.parametrize(
    ("number", "answer", "points"),
    [("2.2", "softer", 0.5), ("2.2", "harder", 0.0), ("3.2", "no", 1.0), ("3.2", "yes", 0.0)],
)
def test_choice_explains_in_both_languages(number: str, answer: str, points: float) -> None:
    result = score(HW13, number, ChoiceEvidence(answer=answer))
    assert result.score == points
    assert ids(result) == [f"choice.{'right' if points else 'wrong'}", "choice.because"]
    chosen = HW13.question(number).options["choices"][answer]
    for language in messages.LANGUAGES:
        assert chosen[language] in messages.render(result.messages[0], language)
        assert "?" not in messages.render(result.messages[1], language)


def test_report_of_a_wrong_choice_hides_the_right_one() -> None:
    result = score(HW13, "2.2", ChoiceEvidence(answer="harder"))
    assert "softer" not in " ".join(messages.render(note) for note in result.messages)


def test_unclear_choice_lists_the_choices() -> None:
    result = score(HW13, "2.2", ChoiceEvidence(answer="banana"))
    assert (result.score, result.verdict) == (0.0, Verdict.NEEDS_REVIEW)
    assert "write only one of these: harder, softer." in messages.render(result.messages[0])


def test_picture_is_provisional() -> None:
    result = score(HW13, "3.1", PruningEvidence(picture={"format": "PNG", "width": 9, "height": 9, "sha256": ""}))
    assert (result.score, result.verdict, ids(result)) == (1.0, Verdict.NEEDS_REVIEW, ["pruning.provisional"])


def test_unusable_picture_says_why_with_its_numbers() -> None:
    params = {"width": 10, "height": 9, "minimum": 50}
    evidence = PruningEvidence(picture_error="pruning.picture.too_small", picture_error_params=params)
    result = score(HW13, "3.1", evidence)
    assert (result.score, result.verdict) == (0.0, Verdict.NONE)
    assert "10 x 9" in messages.render(result.messages[0])


def test_points_without_a_picture_are_no_submission() -> None:
    result = score(HW13, "3.1", PruningEvidence(points=((0.0, 0.9),)))
    assert (result.score, result.verdict, ids(result)) == (0.0, Verdict.NOT_SUBMITTED, ["pruning.no_picture"])


@pytest.mark.parametrize(
    ("unpruned", "pruned", "is_reported"),
    [
        (0.007, 0.0075, True),
        (0.0009, 0.007, False),
        (0.007, 0.0009, False),
        (0.0, 0.0, False),
        (0.007, None, False),
        (None, None, False),
    ],
)
def test_times_that_differ_are_no_proof(unpruned: float | None, pruned: float | None, is_reported: bool) -> None:
    for answer, points in (("no", 1.0), ("yes", 0.0)):
        evidence = ChoiceEvidence(answer=answer, seconds_unpruned=unpruned, seconds_pruned_90=pruned)
        result = score(HW13, "3.2", evidence)
        assert ("choice.times" in ids(result)) is is_reported
        assert result.score == points


def test_curve_and_times_are_reported() -> None:
    times = score(HW13, "3.2", ChoiceEvidence(answer="no", seconds_unpruned=0.02, seconds_pruned_90=0.02))
    assert "20.00 ms" in messages.render(times.messages[-1], "en")
    curve = ({"ratio": 0.0, "accuracy": 0.75},)
    curve_result = score(
        HW13, "3.1", PruningEvidence(picture={"format": "PNG"}, curve=curve, images=550, weights="uploaded")
    )
    assert curve_result.verdict is Verdict.NEEDS_REVIEW
    assert "75.0%" in messages.render(curve_result.messages[1], "en")


@pytest.mark.parametrize(
    ("weights", "baseline", "points"),
    [
        ("uploaded", "medium", 0.5),
        ("uploaded", "boss", 1.0),
        ("uploaded", None, 0.2),
        ("uploaded", "simple", 0.2),
        ("distilled", "boss", 0.2),
    ],
)
def test_rubric_may_pay_for_the_baseline_that_ones_own_weights_reach(
    weights: Any, baseline: str | None, points: float
) -> None:
    options: dict[str, Any] = {"provisional_points": 0.2, "baseline_points": {"medium": 0.3, "boss": 5}}
    questions = [
        item.model_copy(update={"options": {**item.options, **options}}) if item.number == "3.1" else item
        for item in HW13.questions
    ]
    paying = HW13.model_copy(update={"questions": tuple(questions)})
    evidence = PruningEvidence(picture={"format": "PNG"}, weights=weights, baseline=baseline)
    result = score(paying, "3.1", evidence)
    assert (result.score, result.verdict) == (points, Verdict.NEEDS_REVIEW)
    # The worked assignment pays nothing for it.
    assert score(HW13, "3.1", evidence).score == 1.0


def test_nothing_yet_and_nothing_sent() -> None:
    assert score(HW13, "1.1", None).verdict is Verdict.PENDING
    assert score(HW13, "1.1", ArchitectureEvidence(submitted=False)).verdict is Verdict.NOT_SUBMITTED


def test_evidence_of_another_check_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="architecture evidence, not summary"):
        score(HW13, "1.1", summary())


def test_total_is_rounded_to_two_decimals() -> None:
    thirds = [QuestionScore(number=str(n), score=0.1, max_score=0.1, verdict=Verdict.FULL) for n in range(3)]
    assert total(thirds) == 0.3


@pytest.mark.parametrize("wanted", [*Wanted])
@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.FORBIDDEN])
def test_resource_that_a_sandbox_lacks_is_reported(wanted: Wanted, outcome: Outcome) -> None:
    error = StudentError(type="PermissionError", message="[Errno 1]", line=7, source="os.fork()", wanted=wanted)
    result = score(HW13, "2.1", KDLossEvidence(outcome=outcome, stage="load", error=error))
    error_first = ["code.error.load"] if outcome is Outcome.ERROR else []
    reviewed = wanted in (Wanted.GPU, Wanted.DOWNLOAD)
    assert ids(result) == [*error_first, f"code.cannot.{wanted}", *["code.cannot.reviewed"] * reviewed]
    assert (result.score, result.verdict) == (0, Verdict.NEEDS_REVIEW if reviewed else Verdict.NONE)
    for language in ("en", "zh-Hant"):
        text = messages.render(result.messages[len(error_first)], language)
        assert "7" in text
        assert "os.fork()" in text


@pytest.mark.parametrize(("limit", "message"), [("idle time", "code.idle"), ("CPU time", "code.timeout")])
def test_idle_time_has_a_message_of_its_own(limit: str, message: str) -> None:
    hit = LimitHit(limit=limit, allowed=20, used=20.1, unit="s")
    result = score(HW13, "2.1", KDLossEvidence(outcome=Outcome.TIMEOUT, stage="call", limit=hit))
    assert ids(result) == [message]
    assert "20.1 s" in messages.render(result.messages[0])


@pytest.mark.parametrize(
    ("outcome", "stage", "limit", "verdict"),
    [
        (Outcome.MEMORY, "forward", "memory", Verdict.NEEDS_REVIEW),
        (Outcome.TIMEOUT, "backward", "CPU time", Verdict.NEEDS_REVIEW),
        (Outcome.TIMEOUT, "forward", "idle time", Verdict.NONE),
        (Outcome.TIMEOUT, "build", "CPU time", Verdict.NONE),
        (Outcome.MEMORY, "load", "memory", Verdict.NONE),
    ],
)
def test_network_too_heavy_for_the_sandbox_needs_review(
    outcome: Outcome, stage: str, limit: str, verdict: Verdict
) -> None:
    hit = LimitHit(limit=limit, allowed=20, used=20.1, unit="s")
    result = score(HW13, "1.1", architecture(outcome=outcome, stage=stage, limit=hit))
    assert (result.score, result.verdict) == (0, verdict)
    assert ("code.heavy" in ids(result)) is (verdict is Verdict.NEEDS_REVIEW)


@pytest.mark.parametrize(("lucky", "between"), [(0, True), (1, True), (2, True), (9, False)])
def test_case_that_agrees_by_luck_changes_no_verdict(lucky: int, between: bool) -> None:
    """At a drawn alpha = 0 both terms may be of a size: then ``alpha or 0.5`` is right there, in value or in all."""
    for lucky_gradients in (0, lucky):
        measured = KDLossEvidence(
            hard_term=TermEvidence(cases=12, failed=12 - lucky),
            soft_term=TermEvidence(agrees=True, cases=16),
            mixture=TermEvidence(agrees=True, cases=12),
            gradient=TermEvidence(cases=40, failed=12 - lucky_gradients),
        )
        result = score(HW13, "2.1", measured)
        assert result.score == 0.25
        assert (result.verdict is Verdict.NEEDS_REVIEW) is between
        assert ("kd.right_between" in ids(result)) is between


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.TIMEOUT, Outcome.MEMORY])
def test_network_that_fails_and_is_too_large_reports_both(outcome: Outcome) -> None:
    error = StudentError(type="RuntimeError", message="no", line=7) if outcome is Outcome.ERROR else None
    failed = {"outcome": outcome, "stage": "backward", "error": error}
    result = score(HW13, "1.1", architecture(parameters=411_659, **failed))
    assert (result.score, result.verdict) == (0, Verdict.NONE)
    assert result.messages[0].id == "model.too_many_parameters"
    assert len(result.messages) > 1
    assert "model.too_many_parameters" not in ids(score(HW13, "1.1", architecture(**failed)))
