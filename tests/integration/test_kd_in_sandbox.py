"""Question 2.1 with the real sandbox: sources as students hand them in, and sources that attack the examiner."""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path

import numpy as np
import pytest

import grader
from grader.assignment import Assignment
from grader.checks.kd_loss import measure as kd_loss
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.evidence import Outcome
from grader.sandbox.supervisor import Sandbox
from grader.scoring import QuestionScore, Verdict, score
from reference_models.kd import bank
from tests import slices

RIGHT = """
def loss_fn_kd(student_logits, labels, teacher_logits, alpha=0.5, temperature=1.0):
    p = F.log_softmax(student_logits / temperature, dim=1)
    q = F.softmax(teacher_logits / temperature, dim=1)
    soft = nn.KLDivLoss(reduction="batchmean")(p, q)
    return alpha * temperature ** 2 * soft + (1 - alpha) * F.cross_entropy(student_logits, labels)
"""


def grade(source: str, sandbox: Sandbox, hw13: Assignment, **limits: float) -> tuple[KDLossEvidence, QuestionScore]:
    question = hw13.question("2.1")
    with sandbox.child(sandbox.policy.limits.override({**kd_loss.LIMITS, **limits})) as child:
        text = textwrap.dedent(source)
        loaded = child.request("load", {"source": text, "prelude": hw13.prelude_source(), "filename": "loss.py"})
        assert loaded.outcome is Outcome.OK, loaded
        evidence = kd_loss.measure(child, hw13, question, np.random.default_rng())
    return evidence, score(hw13, "2.1", evidence)


def test_right_loss_earns_everything(sandbox: Sandbox, hw13: Assignment) -> None:
    evidence, result = grade(RIGHT, sandbox, hw13)
    assert (result.score, result.verdict) == (0.5, Verdict.FULL)
    assert evidence.signature.startswith("loss_fn_kd(student_logits")


def test_the_example_earns_its_quarter(sandbox: Sandbox, hw13: Assignment) -> None:
    example = Path(grader.__file__).parents[1] / "examples" / "hw13" / "loss.py"
    evidence, result = grade(example.read_text(encoding="utf-8"), sandbox, hw13)
    assert evidence.diagnosis == "kd.soft_term.probabilities_not_log"
    assert (result.score, result.verdict) == (0.25, Verdict.PARTIAL)


@pytest.mark.parametrize("style", slices.every(4, bank.correct_styles()))
def test_every_correct_style_earns_everything(style: str, sandbox: Sandbox, hw13: Assignment) -> None:
    """The same sources as in the bank, pasted: also those that change their inputs in place."""
    loss = bank.correct_styles()[style]
    source = "import torch\nfrom torch import Tensor\nfrom torch.distributions import Categorical, kl_divergence\n"
    source += textwrap.dedent(inspect.getsource(loss)).replace(f"def {style.partition('.')[2]}(", "def loss_fn_kd(")
    _, result = grade(source, sandbox, hw13)
    assert result.verdict is Verdict.FULL, result.messages


def test_loss_class_with_defaults_from_the_configuration(sandbox: Sandbox, hw13: Assignment) -> None:
    source = (
        RIGHT.replace("loss_fn_kd", "_kd")
        + """
class loss_fn_kd(nn.Module):
    def __init__(self, alpha=cfg["alpha"], T=args.temperature):
        super().__init__()
        self.alpha, self.T = alpha, T

    def forward(self, outputs, labels, teacher_outputs):
        return _kd(outputs, labels, teacher_outputs, self.alpha, self.T)
"""
    )
    evidence, result = grade(source, sandbox, hw13)
    assert result.verdict is Verdict.FULL, result.messages
    assert evidence.call == (
        "loss_fn_kd(alpha=alpha, T=temperature)(outputs=student_logits, labels=labels, teacher_outputs=teacher_logits)"
    )


def test_undefined_name_is_reported_by_name_and_line(sandbox: Sandbox, hw13: Assignment) -> None:
    source = "def loss_fn_kd(student, labels, teacher, alpha, temperature):\n    return my_kl(student)\n"
    evidence, result = grade(source, sandbox, hw13)
    assert evidence.missing_names == (("my_kl", 2, None),)
    assert (result.score, result.verdict) == (0, Verdict.NEEDS_REVIEW)


def test_endless_loss_times_out(sandbox: Sandbox, hw13: Assignment) -> None:
    evidence, result = grade("def loss_fn_kd(s, y, t, alpha, T):\n    while True: pass\n", sandbox, hw13, cpu_seconds=2)
    assert (evidence.outcome, evidence.stage) == (Outcome.TIMEOUT, "call")
    assert (result.score, result.verdict) == (0, Verdict.NONE)


def test_exiting_loss_is_dead_and_earns_nothing(sandbox: Sandbox, hw13: Assignment) -> None:
    evidence, result = grade("def loss_fn_kd(s, y, t, alpha, T):\n    os._exit(0)\n", sandbox, hw13)
    assert evidence.outcome is Outcome.DIED
    assert result.score == 0


ATTACKS = {
    "answers_taken_from_the_harness": """
        import sys
        def loss_fn_kd(student_logits, labels, teacher_logits, alpha, temperature):
            frame, seen = sys._getframe(), []
            while frame is not None:
                seen += [v for v in frame.f_locals.values() if isinstance(v, float)]
                frame = frame.f_back
            return student_logits.sum() * 0 + (seen[-1] if seen else 0.0)
        """,
    "torch_rewritten_to_agree": """
        import numpy
        torch.Tensor.detach = lambda self: torch.zeros(())
        torch.allclose = numpy.allclose = lambda *a, **k: True
        def loss_fn_kd(student_logits, labels, teacher_logits, alpha, temperature):
            return (student_logits * 0).sum()
        """,
    "harness_rewritten_to_lie": """
        import sys
        module = sys.modules.get("grader.sandbox.harness.loss")
        if module is not None:
            module.call = lambda place, meta, arrays: ({"kind": "tensor", "agrees": True, "score": 0.5}, [])
        def loss_fn_kd(student_logits, labels, teacher_logits, alpha, temperature):
            return (student_logits * 0).sum()
        """,
    "subclass_that_equals_everything": """
        class Yes(torch.Tensor):
            def __eq__(self, other): return True
            def __float__(self): return 1.0
            __hash__ = torch.Tensor.__hash__
        def loss_fn_kd(student_logits, labels, teacher_logits, alpha, temperature):
            return (student_logits * 0).sum().as_subclass(Yes)
        """,
    "engine_imported_for_its_reference": """
        def loss_fn_kd(student_logits, labels, teacher_logits, alpha, temperature):
            from reference_models.kd.reference import loss
            return loss(student_logits, labels, teacher_logits, alpha, temperature)
        """,
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attack_on_the_examiner_earns_nothing(attack: str, sandbox: Sandbox, hw13: Assignment) -> None:
    _, result = grade(ATTACKS[attack], sandbox, hw13)
    assert result.score == 0, result.messages
