"""A message that promises a review stands only in results that wait for one, and no two messages exclude each other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from enum import StrEnum
from random import Random
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest

from grader import messages
from grader.assignment import bundled, bundled_slugs
from grader.checks.architecture.evidence import ArchitectureEvidence
from grader.checks.choice.evidence import ChoiceEvidence
from grader.checks.function.evidence import FailedCase, FunctionEvidence, GroupEvidence, ShownValue
from grader.checks.function.options import author_files
from grader.checks.kd_loss.evidence import KDLossEvidence, TermEvidence
from grader.checks.pruning.evidence import PruningEvidence
from grader.checks.summary.evidence import SummaryEvidence
from grader.evidence import CodeEvidence, Evidence, Fault, LimitHit, Observation, Outcome, Overrun, StudentError, Wanted
from grader.intake import REVIEW_FACTS, UNREADABLE_FACTS
from grader.scoring import QuestionScore, Verdict, score
from reference_models.kd import bank
from tests.unit.test_scoring import PROBES, architecture, over_the_limit
from tests.unit.test_scoring_properties import FUNCTIONS, HW13, KINDS, assignment_of, question_of

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
IDLE = LimitHit(limit="idle time", allowed=1, used=1, unit="s")
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


def function(**changes: Any) -> FunctionEvidence:
    """Evidence of a right function, except for the changes."""
    right = {"cases": 4, "groups": (GroupEvidence(name="values", agrees=True, cases=4),)}
    return FunctionEvidence(**{**right, **changes})


def models() -> Iterator[CodeEvidence]:
    yield architecture(parameters=None)
    yield architecture(parameters=10**6)
    yield architecture(probes=PROBES[:1])
    yield architecture(gradients_reached=0)
    yield architecture(hidden_numbers=10**6)
    for used, counted in itertools.product((50_000, 150_000), (50_000, 150_000, None)):
        yield architecture(**over_the_limit(used, counted))
        yield architecture(**over_the_limit(used, counted, tables=(("positions", 90_000),)))
    yield architecture(notes=(Observation(id="model.batch_of_one"),))
    for output in ({"kind": "dict", "shape": None}, {"shape": (2, 5)}, {"finite": False}):
        yield architecture(probes=(PROBES[1].model_copy(update=output),))
    yield architecture(probes=(PROBES[2].model_copy(update={"kind": "tuple"}),))
    for wanted in Wanted:
        error = StudentError(type="OSError", message="m", wanted=wanted)
        yield architecture(parameters=None, outcome=Outcome.ERROR, stage="build", error=error)
    yield architecture(parameters=None, outcome=Outcome.TIMEOUT, stage="build", limit=IDLE)
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
    for name in ("not_a_number", "not_finite", "raises", "shape"):
        yield kd("hard_term soft_term mixture", notes=(Observation(id=f"kd.value.{name}"),))
    yield kd(outcome=Outcome.ERROR, stage="intake", error=StudentError(type="E", message="m"))
    yield kd(missing_names=(("x", 1),), outcome=Outcome.ERROR, stage="load", error=StudentError(type="E", message="m"))
    for wrong in ("", "hard_term", "soft_term", "mixture", "gradient", "hard_term soft_term mixture"):
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


def functions() -> Iterator[CodeEvidence]:
    """Evidence of functions: right, wrong in every way, and not callable."""
    yield function(missing_entry=True)
    for name in ("unplaced", "unknown"):
        yield function(**{name: ("x",)})
    yield function(unreadable_signature=True)
    yield function(repeatable=False)
    yield function(by_position=("x",), defaulted=("y",), call="f(x)", renamed=True)
    yield function(missing_names=(("x", 1),))
    inputs = (ShownValue(name="x", text="1"),)
    shown: dict[str, Any] = {"kind": "k", "group": "values", "inputs": inputs, "expected": "1", "got": "2"}
    wrong = (GroupEvidence(name="values", agrees=False, cases=4, failed=4),)
    yield function(groups=(*wrong, GroupEvidence(name="rest", agrees=True, cases=4)))
    mistakes = author_files(FUNCTIONS, FUNCTIONS.question(question_of(FunctionEvidence))).mistakes
    yield function(groups=wrong, diagnosis=mistakes[0].id)
    yield function(fault=Fault.GRADER, author_error="cases.py:1")
    error = StudentError(type="ValueError", message="m")
    kinds: list[dict[str, Any]] = [
        {"reason": "values"},
        {"reason": "values", "elements": 4},
        {"reason": "raises", "error": error},
        {"reason": "refused", "refusal": {"en": "No.", "zh-Hant": "不行。"}},
        {"reason": "kind", "got_kind": "none"},
        {"reason": "kind", "got_kind": "other"},
    ]
    for aspect, more in itertools.product(("result", "arguments"), kinds):
        case = FailedCase(**{**shown, **more, "aspect": aspect})
        yield function(groups=wrong, first_failed=case)
    for failure in FAILURES:
        if failure["stage"] in ("load", "call"):
            yield function(**failure)
    yield function(outcome=Outcome.PROTOCOL, stage="call", limit=LIMIT.model_copy(update={"limit": "reply"}))
    yield from unreadable(function())


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


def choices() -> Iterator[ChoiceEvidence]:
    """Evidence of a choice with its times, and of some that were not read."""
    yield ChoiceEvidence(answer="no", seconds_unpruned=0.1, seconds_pruned_90=0.1)
    for outcome in (Outcome.TIMEOUT, Outcome.MEMORY, Outcome.DIED):
        yield ChoiceEvidence(overrun=Overrun(outcome=outcome, limit=LIMIT))
    yield ChoiceEvidence(answer="no", fault=Fault.GRADER)
    yield ChoiceEvidence(answer="no", fault=Fault.INFRASTRUCTURE)


def plots() -> Iterator[PruningEvidence]:
    """Evidence of a plot beside an accuracy that reaches a baseline."""
    curve = ({"ratio": 0.0, "accuracy": 0.9, "low": 0.8, "high": 1.0},)
    yield PruningEvidence(picture=PLAIN["picture"][0], curve=curve, weights="uploaded", baseline="boss")


def with_intake_notes(evidence: Evidence) -> Iterator[Evidence]:
    """The evidence, for code with each note of intake."""
    for notes in INTAKE_NOTES if isinstance(evidence, CodeEvidence) else [()]:
        yield evidence.model_copy(update={"notes": (*evidence.notes, *notes)})


GENERATED: dict[str, Callable[[], Iterator[Evidence]]] = {
    "architecture": models, "kd_loss": losses, "function": functions, "choice": choices, "pruning": plots
}  # fmt: skip


@pytest.mark.parametrize("slug", bundled_slugs())
@pytest.mark.parametrize("check", GENERATED)
def test_result_whose_message_promises_a_review_waits_for_it(slug: str, check: str) -> None:
    assignment = bundled(slug)
    question = next((question for question in assignment.questions if question.check == check), None)
    if question is None:
        pytest.skip("the assignment has no such question")
    promised: set[str] = set()
    for evidence in GENERATED[check]():
        for noted in with_intake_notes(evidence):
            promised |= assert_kept(score(assignment, question.number, noted))
    if check in ("architecture", "kd_loss"):
        assert len(promised) > 10, sorted(promised)


ELSEWHERE = {
    "withheld.after_deadline": "stands in the place of a result",
    "withheld.until_released": "stands in the place of a result",
    "pruning.baseline": "needs an option that no assignment here has",
}
"""Messages that no evidence here leads to, with the reason."""


def test_every_message_stands_in_a_result_that_keeps_its_promise() -> None:
    """No message escapes the tests of this file because no evidence here leads to it."""
    said: set[str] = set()
    kept: set[str] = set()
    for kind in KINDS:
        assignment, number = assignment_of(kind), question_of(kind)
        plain = GENERATED.get(assignment.question(number).check, lambda: iter(()))
        noted = (noted for evidence in plain() for noted in with_intake_notes(evidence))
        numbers = [question.number for question in assignment.questions if question.check == kind.check()]
        results = (score(assignment, one, evidence) for evidence in noted for one in numbers[:2])
        drawn = (score(assignment, number, evidence) for evidence in drawn_evidence(kind))
        for result in itertools.chain(results, drawn):
            said |= {message.id for message in result.messages}
            kept |= assert_kept(result)
    assert sorted(messages.ids() - said - ELSEWHERE.keys()) == []
    assert sorted(set(PROMISING) - kept) == []
    assert not ELSEWHERE.keys() & set(PROMISING)


@pytest.mark.parametrize("fact", ["many_totals", "several_totals", "no_layers", "total_mentioned", "rows_fit"])
def test_summary_that_waits_for_review_says_so(fact: str) -> None:
    total = None if fact in ("total_mentioned", "rows_fit") else 5
    note = Observation(id=f"summary.{fact}", params={"count": 9, "total": 5, "written": "5"})
    result = score(HW13, "1.2", SummaryEvidence(claimed_total=total, actual_total=5, notes=(note,)))
    assert result.verdict is Verdict.NEEDS_REVIEW
    assert note.id in assert_kept(result)


RIGHT = frozenset({"model.ok", "kd.ok", "summary.ok", "choice.right"})
EXCLUSIVE: tuple[frozenset[str], ...] = tuple(
    frozenset(name for name in messages.ids() for prefix in line.split() if name.startswith(prefix))
    for line in (
        "kd.hard_term.ok kd.hard_term.wrong kd.hard_term.no_number",
        "kd.soft_term.ok kd.soft_term.wrong kd.soft_term.no_number",
        "kd.ok kd.unknown_mistake kd.right_between kd.whole_temperatures kd.small_probabilities",
        "kd.ok kd.hidden kd.not_repeatable kd.hard_term.wrong",
        "kd.ok kd.value.",
        "kd.ok kd.soft_term.wrong",
        "kd.not_repeatable kd.unknown_mistake",
        "kd.signature.",
        "model.ok model.too_many_parameters model.hidden_numbers model.fits_torchsummary",
        "model.ok model.output_shape",
        "model.ok model.unverified.",
        "model.ok model.no_gradient model.not_counted model.no_entry_point model.not_a_module",
        "model.ok model.batch_of_one",
        "summary.ok summary.rows_differ summary.other_model summary.example_pasted summary.no_total summary.no_model",
        "summary.ok summary.many_totals",
        "summary.ok summary.several_totals",
        "summary.ok summary.unreadable summary.rows_fit",
        "summary.no_total summary.total_from_rows",
        "choice.right choice.wrong choice.unknown",
        "pruning.provisional pruning.no_picture",
        "pruning.provisional pruning.picture.empty",
        "pruning.provisional pruning.picture.broken",
        "pruning.provisional pruning.picture.single_colour",
        "pruning.points.agree pruning.points.compounded pruning.points.first_layer pruning.points.differ "
        "pruning.points.shape",
        "pruning.own_loss.",
        "pruning.curve.distilled pruning.curve.uploaded weights.not_trained weights.not_measured weights.too_slow "
        "weights.too_much_memory pruning.curve_stopped weights.no_model weights.unreadable weights.whole_model "
        "weights.other_objects weights.do_not_fit weights.not_finite",
        "not_submitted kd.ok", "not_submitted model.ok", "not_submitted choice.right", "not_submitted summary.ok",
        "code.error. model.ok", "code.error. kd.ok",
        "code.syntax_error code.misspelt code.damaged code.newer_python code.empty code.not_text code.too_deep "
        "code.too_large code.notebook_empty code.notebook_unreadable",
    )
)  # fmt: skip
"""Ids of which a result holds one at most, by the beginnings of their names."""


NEEDS: dict[str, dict[str, Any]] = {
    **{name: {"outcome": Outcome.ERROR, "stage": "intake", "error": StudentError(type="SyntaxError", message="m")}
       for name in UNREADABLE_FACTS},
    **{name: {"outcome": Outcome.ERROR, "stage": "load", "error": None}
       for name in ("intake.stand_in_unclear", "intake.entry_lost", "kd.no_entry_point", "model.no_entry_point",
                    "model.not_a_module")},
    **{name: {"claimed_total": None} for name in ("summary.total_mentioned", "summary.rows_fit", "summary.unreadable")},
    **{name: {"claimed_total": 5} for name in ("summary.total_from_rows", "summary.many_totals")},
    **{name: {"curve": ()} for name in messages.ids() if name.startswith("weights.") and name != "weights.loaded"},
    **{name: {"claimed_total": 5, "actual_total": 5} for name in ("summary.no_layers", "summary.several_totals")},
    "pruning.curve_stopped": {"curve": ()},
    "pruning.picture.single_colour": {"picture": {"format": "PNG", "blank": True}},
    "pruning.picture.doubtful": {"picture": {"format": "PNG", "doubtful": True}, "picture_error": None},
}  # fmt: skip
"""What else measuring writes where it notes a fact."""


def consistent(evidence: Evidence) -> Evidence:
    """The evidence as measuring makes it: no fact that excludes another or a field."""
    notes: dict[str, Observation] = {}
    update: dict[str, Any] = {}
    for note in evidence.notes:
        others = {name for group in EXCLUSIVE if note.id in group for name in group}
        needs = NEEDS.get(note.id, {})
        is_possible = evidence.submitted and needs.keys() <= type(evidence).model_fields.keys()
        if is_possible and not others & notes.keys() and not needs.keys() & update.keys():
            notes[note.id] = note
            update |= needs
    if isinstance(evidence, CodeEvidence) and "outcome" not in update:
        # A code that ran to its end has no error, and every other end has its reason.
        is_error = evidence.outcome is Outcome.ERROR
        error = evidence.error or StudentError(type="ValueError", message="m")
        update |= {"stage": None if evidence.outcome is Outcome.OK else evidence.stage or "load"}
        update |= {"error": error if is_error else None}
    if update.get("stage") is not None:
        # Facts about answers need answers.
        lacking = ("kd.", "function.")
        notes = {name: note for name, note in notes.items() if name in NEEDS or not name.startswith(lacking)}
    if isinstance(evidence, ArchitectureEvidence):
        if update["stage"] in ("intake", "load"):
            update["parameters"] = None
        update["verified"] = evidence.verification == "confirmed"
    if isinstance(evidence, KDLossEvidence) and all(
        getattr(evidence, term).agrees for term in ("hard_term", "soft_term", "mixture", "gradient")
    ):
        update["diagnosis"] = None
        notes = {name: note for name, note in notes.items() if not name.startswith(("kd.value.", "kd.hidden"))}
    if getattr(evidence, "diagnosis", None) is not None:
        notes = {name: note for name, note in notes.items() if not name.startswith(("kd.value.", "kd.hidden"))}
    return evidence.model_copy(update={**update, "notes": tuple(notes.values())})


def values_of(name: str, annotation: Any) -> list[Any]:
    """A few values of a field's type: all of a closed set, and of any other some that decide differently."""
    if name == "answer":
        return [None, "other", *HW13.question("2.2").options["choices"]]
    if name == "diagnosis":
        return [None, *(mistake.ids[0] for mistake in bank.known_mistakes())]
    if annotation is TermEvidence:
        return [TermEvidence(agrees=True, cases=4), kd("hard_term").hard_term, NO_NUMBER]
    if annotation is bool:
        return [False, True]
    if annotation is int:
        return [0, 5, 10**6]
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return list(annotation)
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) in (Union, UnionType):
        return [value for part in get_args(annotation) for value in values_of(name, part)]
    return [None] if annotation is type(None) else PLAIN.get(name, [])


WORST = {"case": "c", "alpha": 0.0, "temperature": 2.0, "expected": 1.0, "error": 1.0}
NO_NUMBER = TermEvidence(agrees=False, cases=4, failed=4, worst={**WORST, "got": None})
PLAIN: dict[str, list[Any]] = {
    "picture": [{"format": "PNG", "width": 9, "height": 9, "sha256": "", "blank": blank} for blank in (False, True)],
    "curve": [(), ({"ratio": 0.0, "accuracy": 0.5, "low": 0.4, "high": 0.6},)],
    "baseline": ["simple", "boss"],
    "probes": [(), PROBES, PROBES[:1]],
    "error": [StudentError(type="NameError", message="m", name="x"), StudentError(type="TypeError", message="m")],
    "stage": ["load", "build", "forward", "call"],
    "limit": [LIMIT],
    "other_modules": [(), (("Net", 10**6),)],
    "unused_parameters": [(), ("fc.weight",)],
}
"""Values of fields whose types are open."""


def drawn_evidence(kind: type[Evidence]) -> Iterator[Evidence]:
    """Evidence with any values in every field that decides, and up to three facts of the kind."""
    random = Random(0)
    domains = {name: values_of(name, field.annotation) for name, field in kind.model_fields.items()}
    domains = {name: values for name, values in domains.items() if len(values) > 1 and name not in ("kind", "fault")}
    for _ in range(3000):
        fields = {name: random.choice(values) for name, values in domains.items()}
        names = random.sample(sorted(kind.facts), random.randint(0, min(3, len(kind.facts))))
        notes = tuple(Observation(id=name, params={"names": ["x"], "name": "x", "line": 1}) for name in names)
        yield consistent(kind(**{**fields, "notes": notes, "submitted": random.random() > 0.05}))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_message_excludes_another_or_the_verdict(kind: type[Evidence]) -> None:
    diagnoses = {name for mistake in bank.known_mistakes() for name in mistake.ids}
    problems: dict[str, Evidence] = {}
    for evidence in drawn_evidence(kind):
        result = score(assignment_of(kind), question_of(kind), evidence)
        assert_kept(result)
        ids = {message.id for message in result.messages}
        together = [sorted(ids & group) for group in EXCLUSIVE if len(ids & group) > 1]
        if result.verdict in (Verdict.NONE, Verdict.NOT_SUBMITTED) and ids & RIGHT:
            together.append([str(result.verdict), *sorted(ids & RIGHT)])
        if ids & diagnoses:
            together += [[name, "and a known mistake"] for name in ids if name.endswith(".advice")]
        problems |= {", ".join(names): evidence for names in together}
    assert not problems
