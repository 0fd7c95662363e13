"""From a signature to a call: every order and name met in hand-ins, and anything that a hostile child may claim."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.checks.kd_loss.binding import TENSORS, CallPlan, Role, bind
from grader.checks.kd_loss.readings import other_readings
from grader.evidence import Observation
from grader.sandbox.harness.loss import Settings
from tests.unit.checks.harness_in_process import HarnessInProcess


def _inspected(signature: str) -> dict[str, Any]:
    """What the harness answers for a function with these parameters."""
    function: Callable[..., Any] = eval(f"lambda {signature}: None")
    return HarnessInProcess(function).request("loss.inspect", {"entry": "loss_fn_kd"}).meta


def _plan(signature: str) -> CallPlan:
    plan = bind("loss_fn_kd", _inspected(signature))
    assert isinstance(plan, CallPlan), plan
    return plan


def _reached(signature: str) -> dict[str, Any]:
    """Make the planned call on a function that tells what each of its parameters got."""
    plan = _plan(signature)
    function: Callable[..., dict[str, Any]] = eval(f"lambda {signature}: locals()")
    return function(*plan.args, **plan.kwargs)


S, L, T, A, TAU, BOTH = Role


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0", [S, L, T, A, TAU]),
        ("outputs, labels, teacher_outputs, T=20, alpha=0.5", [S, L, T, TAU, A]),
        ("outputs, labels, teacher_outputs, alpha=0.5, temp=4", [S, L, T, A, TAU]),
        (
            "student_logits, teacher_logits, y_a, y_b=None, lam=0, alpha=0.3, temperature=2.0",
            [S, T, L, None, 0, A, TAU],
        ),
        ("student, teacher, labels, tau, alpha", [S, T, L, TAU, A]),
        ("teacher_output, student_output, target, temperature, lambda_", [T, S, L, TAU, A]),
        ("logits, targets, soft_targets, α=0.1, τ=2", [S, L, T, A, TAU]),
        ("s, y, t, a=0.5, T=1.0", [S, L, T, A, TAU]),
        ("y_pred, y_true, teacher_scores, weight=None, temperature=3, alpha=1", [S, L, T, None, TAU, A]),
        ("labels, student_prediction_logits, the_teacher_says, distil_alpha, kd_temperature", [L, S, T, A, TAU]),
        ("a, b, c, d, e", [S, L, T, A, TAU]),
        ("x, labels, z, w=1, v=2", [S, L, T, A, TAU]),
        ("student_logits, labels, teacher_logits, reduction='mean', alpha=1, temperature=1", [S, L, T, "mean", A, TAU]),
        ("student_logits, labels, /, teacher_logits, *, temperature, alpha", [S, L, T, TAU, A]),
        ("student, labels, teacher, gamma=2.0, alpha=0.5, T=4", [S, L, T, 2.0, A, TAU]),
        ("a=None, b=None, c=None, alpha=0.5, temperature=1.0", [S, L, T, A, TAU]),
        (", ".join(f"p{i}=0" for i in range(40)), [S, L, T, A, TAU, *[0] * 35]),
        ("outputs, labels, teacher_outputs, params", [S, L, T, BOTH]),
        ("outputs, labels, teacher_outputs, args=None", [S, L, T, BOTH]),
        ("outputs, labels, teacher_outputs, cfg=None, alpha=0.5, T=1", [S, L, T, None, A, TAU]),
        ("student, labels, teacher, T=4, beta=0.9", [S, L, T, TAU, A]),
        ("student, labels, teacher, T=4, epoch=0", [S, L, T, TAU, 0]),
        ("logits_t, logits_s, labels, alpha, T", [T, S, L, A, TAU]),
        ("s_out, t_out, target, T=1, a=0.5", [S, T, L, TAU, A]),
        ("y_s, y_t, y, t=1, alpha=1", [S, T, L, TAU, A]),
        ("student, labels, teacher, kd_temp=4.0, kd_ratio=0.5", [S, L, T, TAU, A]),
        ("student, labels, teacher, tmp=1.0, coef=0.5", [S, L, T, TAU, A]),
        ("student, labels, teacher, teacher_temp=1.0, soft_label_ratio=0.5", [S, L, T, TAU, A]),
    ],
)
def test_every_parameter_gets_its_role(signature: str, expected: list[object]) -> None:
    assert list(_reached(signature).values()) == expected


def test_variadic_parameters_take_the_remaining_arguments() -> None:
    assert _reached("*args") == {"args": (S, L, T, A, TAU)}
    assert _reached("*args, **kwargs") == {"args": (S, L, T), "kwargs": {"alpha": A, "temperature": TAU}}
    assert _reached("outputs, *rest") == {"outputs": S, "rest": (L, T, A, TAU)}
    assert _reached("s, y, t, **kw") == {"s": S, "y": L, "t": T, "kw": {"alpha": A, "temperature": TAU}}
    assert _reached("**kw") == {"kw": {str(role): role for role in (S, L, T, A, TAU)}}
    assert _reached("outputs, **kw") == {"outputs": S, "kw": {str(role): role for role in (L, T, A, TAU)}}
    assert _reached("outputs, *rest, alpha=1") == {"outputs": S, "rest": (L, T), "alpha": A}


@pytest.mark.parametrize(
    ("signature", "others"),
    [
        ("student, labels, teacher, alpha=0.5, T=1.0", []),
        ("student, labels, teacher, x=4, alpha=0.5", []),
        ("student, labels, teacher, x=4.0, y=0.5", [[S, L, T, TAU, A]]),
        ("student, labels, teacher, gamma=0.5, T=1.0", [[S, L, T, A, TAU]]),
        ("student, labels, teacher, gamma=0.5, weight=1, T=1.0", [[S, L, T, A, 1, TAU], [S, L, T, 0.5, A, TAU]]),
        ("student, labels, teacher", []),
        ("pred, y, target", [[S, L, T]]),
        ("pred, gt, target", []),
        ("outputs, target, logits", [[T, L, S]]),
        ("student, y, target, T=1, alpha=1", [[S, L, T, TAU, A]]),
        ("a, b, c", [[S, T, L], [L, S, T], [L, T, S], [T, S, L], [T, L, S]]),
        ("student, b, c", [[S, T, L]]),
        ("a, b, c, /", []),
    ],
)
def test_other_readings_are_those_that_no_name_rules_out(signature: str, others: list[list[object]]) -> None:
    function: Callable[..., dict[str, Any]] = eval(f"lambda {signature}: locals()")
    read = [function(*plan.args, **plan.kwargs) for plan in other_readings(_plan(signature))]
    assert [list(values.values()) for values in read] == others


def test_a_class_that_is_made_with_nameless_numbers_has_another_reading() -> None:
    init = [{"name": name, "kind": "positional_or_keyword", "default": False} for name in ("p", "q")]
    call = [{"name": name, "kind": "positional_or_keyword", "default": False} for name in ("s", "labels", "teacher")]
    plan = bind("loss_fn_kd", {"kind": "class", "parameters": call, "init": init})
    assert isinstance(plan, CallPlan)
    readings = [plan, *other_readings(plan)]
    assert [reading.init_kwargs for reading in readings] == [{"p": A, "q": TAU}, {"p": TAU, "q": A}]


def test_call_and_guesses_are_reported() -> None:
    plan = _plan("outputs, y, z, epoch=3, T=2")
    assert plan.text() == "loss_fn_kd(outputs=student_logits, y=labels, z=teacher_logits, T=temperature)"
    assert [(note.id, note.params) for note in plan.notes()] == [
        ("kd.call.by_position", {"names": "z"}),
        ("kd.call.left_alone", {"names": "epoch"}),
        ("kd.call.no_alpha", {}),
    ]


@pytest.mark.parametrize(
    ("signature", "finding", "params"),
    [
        ("student_logits, labels", "kd.signature.no_place", {"role": "teacher_logits"}),
        ("", "kd.signature.no_place", {"role": "student_logits"}),
        ("outputs, labels, teacher_outputs, params, T=1", "kd.signature.unknown_parameter", {"name": "params"}),
        ("student, labels, teacher, alpha, temperature, epoch", "kd.signature.unknown_parameter", {"name": "epoch"}),
        ("student, labels, teacher, *, device", "kd.signature.unknown_parameter", {"name": "device"}),
        (", ".join(f"p{i}" for i in range(40)), "kd.signature.unknown_parameter", {"name": "p5"}),
        ("outputs, epoch=3, *rest", "kd.signature.no_place", {"role": "labels"}),
        ("x=1, student=2, labels=3, /, teacher=4", "kd.signature.no_place", {"role": "student_logits"}),
    ],
)
def test_signature_that_cannot_be_bound_is_a_finding(signature: str, finding: str, params: dict[str, str]) -> None:
    assert bind("loss_fn_kd", _inspected(signature)) == Observation(id=finding, params=params)


def test_class_takes_its_numbers_in_the_constructor() -> None:
    class Loss:
        def __init__(self, T: float, alpha: float, reduction: str = "mean") -> None:  # noqa: N803
            self.alpha, self.temperature = alpha, T

        def __call__(self, outputs: object, labels: object, teacher_outputs: object) -> None: ...

    plan = bind("KDLoss", HarnessInProcess(Loss).request("loss.inspect", {"entry": "loss_fn_kd"}).meta)
    assert isinstance(plan, CallPlan)
    assert plan.init_kwargs == {"alpha": A, "T": TAU}
    assert plan.defaulted == ("reduction",)
    assert plan.text() == (
        "KDLoss(T=temperature, alpha=alpha)(outputs=student_logits, labels=labels, teacher_outputs=teacher_logits)"
    )


def test_numbers_that_the_constructor_took_are_not_passed_again() -> None:
    class Loss:
        def __init__(self, alpha: float, temperature: float) -> None: ...

        def __call__(self, outputs: object, labels: object, teacher_outputs: object, mask: object = None) -> None: ...

    plan = bind("KDLoss", HarnessInProcess(Loss).request("loss.inspect", {"entry": "loss_fn_kd"}).meta)
    assert isinstance(plan, CallPlan)
    assert set(plan.kwargs) == {"outputs", "labels", "teacher_outputs"}
    assert plan.defaulted == ("mask",)


def test_settings_are_read_by_any_name_and_reported() -> None:
    plan = _plan("outputs, labels, teacher_outputs, params")
    assert plan.text().endswith("params=settings(alpha=alpha, temperature=temperature))")
    assert plan.notes() == ()
    settings = Settings({"alpha": 0.3, "temperature": 4.0})
    assert [settings.alpha, settings["lambda"], settings.get("KD_alpha"), settings["a"]] == [0.3] * 4
    assert [settings.temperature, settings["T"], settings.get("temp"), settings.tau] == [4.0] * 4
    assert [settings.mixup, settings["epochs"], settings.get("mixup", 3)] == [None, None, 3]


def test_class_with_an_unknown_parameter_gets_a_note() -> None:
    class Loss:
        def __init__(self, alpha: float, temperature: float, model: object) -> None: ...

        def __call__(self, outputs: object, labels: object, teacher_outputs: object) -> None: ...

    answer = HarnessInProcess(Loss).request("loss.inspect", {"entry": "loss_fn_kd"}).meta
    assert bind("KDLoss", answer) == Observation(id="kd.signature.unknown_parameter", params={"name": "model"})


# -- what a hostile child may claim -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        None,
        "student_logits, labels, teacher_logits",
        [["student_logits", "positional_or_keyword", False]],
        [{"name": "student_logits", "kind": "positional_or_keyword"}],
        [{"name": "x" * 65, "kind": "positional_or_keyword", "default": False}],
        [{"name": "<script>", "kind": "positional_or_keyword", "default": False}],
        [{"name": 3, "kind": "positional_or_keyword", "default": False}],
        [{"name": "x", "kind": "by_magic", "default": False}],
        [{"name": "x", "kind": ["positional_or_keyword"], "default": False}],
        [{"name": "x", "kind": "positional_or_keyword", "default": 0}],
        [{"name": "x", "kind": "keyword_only", "default": False}] * 2,
        [{"name": f"x{i}", "kind": "keyword_only", "default": True} for i in range(65)],
    ],
)
def test_impossible_signature_is_unreadable(parameters: object) -> None:
    plan = bind("loss_fn_kd", {"kind": "function", "signature": "loss_fn_kd(...)", "parameters": parameters})
    assert plan == Observation(id="kd.signature.unreadable", params={"signature": "loss_fn_kd(...)"})


_ROLE_LIKE = ["student", "labels", "teacher", "alpha", "temperature", "T", "t", "a", "s", "y", "outputs", "z", "x1"]
_KINDS = ["positional_only", "positional_or_keyword", "var_positional", "keyword_only", "var_keyword"]
_parameter = st.fixed_dictionaries(
    {
        "name": st.sampled_from(_ROLE_LIKE) | st.text(max_size=70),
        "kind": st.sampled_from(_KINDS),
        "default": st.booleans(),
    }
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["kind", "signature", "parameters", "init"]) | st.text(max_size=8), _json))
def test_any_claim_is_a_plan_or_a_finding(answer: dict[str, Any]) -> None:
    plan = bind("loss_fn_kd", answer)
    assert isinstance(plan, CallPlan) or plan.id.startswith("kd.signature.")


@given(st.lists(_parameter, max_size=70), st.lists(_parameter, max_size=5), st.sampled_from(["function", "class", 3]))
def test_plan_gives_each_tensor_exactly_once(
    parameters: list[dict[str, Any]], init: list[dict[str, Any]], kind: object
) -> None:
    plan = bind("loss_fn_kd", {"kind": kind, "parameters": parameters, "init": init})
    if isinstance(plan, Observation):
        assert plan.id.startswith("kd.signature.")
        return
    given_roles = [*plan.args, *plan.kwargs.values()]
    for role in TENSORS:
        assert given_roles.count(role) == 1
    for role in (A, TAU):
        assert given_roles.count(role) <= 1
    plan.text()
    plan.notes()


@st.composite
def _signatures(draw: st.DrawFn) -> str:
    """A signature that Python accepts: names without repetition, defaults last, every kind of parameter."""
    names = draw(st.lists(st.sampled_from(_ROLE_LIKE), unique=True, max_size=8))
    cut = sorted(draw(st.integers(0, len(names))) for _ in range(3))
    only, both, optional, keyword = names[: cut[0]], names[cut[0] : cut[1]], names[cut[1] : cut[2]], names[cut[2] :]
    parts = [*only, *(["/"] if only else []), *both, *(f"{name}=None" for name in optional)]
    spread = draw(st.booleans())
    if spread or keyword:
        parts.append("*rest" if spread else "*")
    parts += [f"{name}=None" if draw(st.booleans()) else name for name in keyword]
    return ", ".join([*parts, *(["**others"] if draw(st.booleans()) else [])])


@given(_signatures())
def test_planned_call_is_accepted_by_the_function(signature: str) -> None:
    function: Callable[..., Any] = eval(f"lambda {signature}: None")
    plan = bind("loss_fn_kd", _inspected(signature))
    if isinstance(plan, CallPlan):
        inspect.signature(function).bind(*plan.args, **plan.kwargs)
