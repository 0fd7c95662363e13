"""One examination of one of our own losses, scored, its messages rendered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from grader import messages
from grader.assignment import Assignment
from grader.checks.kd_loss import measure as kd_loss
from grader.checks.kd_loss.evidence import KDLossEvidence
from grader.scoring import QuestionScore, score
from reference_models.kd.reference import Loss
from tests.unit.checks.harness_in_process import HarnessInProcess


def examine(loss: Callable[..., Any], hw13: Assignment, seed: int = 0) -> tuple[KDLossEvidence, QuestionScore]:
    """Evidence and score; every message must have a complete text in every language."""
    evidence = kd_loss.measure(HarnessInProcess(loss), hw13, hw13.question("2.1"), np.random.default_rng(seed))
    result = score(hw13, "2.1", evidence)
    for message in result.messages:
        texts = {messages.render(message, language) for language in messages.LANGUAGES}
        assert len(texts) == 2, f"{message.id} is not translated"
        assert not any("?" in text for text in texts), f"a parameter is missing: {texts}"
    return evidence, result


def documented(loss: Loss) -> Callable[..., Any]:
    """The loss under the documented parameter names, whatever its own are."""

    def loss_fn_kd(
        student_logits: Tensor, labels: Tensor, teacher_logits: Tensor, alpha: float = 0.5, temperature: float = 1.0
    ) -> Tensor | None:
        return loss(student_logits, labels, teacher_logits, alpha, temperature)

    return loss_fn_kd
