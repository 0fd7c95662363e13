"""A model over the limit by what the homework's own measure leaves out waits for review, and the cause is named."""

from __future__ import annotations

import pytest

from grader import messages, pipeline, scoring
from grader.assignment import Assignment
from grader.sandbox.supervisor import Sandbox
from grader.scoring import QuestionScore, Verdict
from grader.submission import Part, SubmittedParts
from tests import slices
from tests.integration.uncounted_models import FORMULA, HOSTILE, IDLE, TABLES, source_of

LIMITS = {"cpu_seconds": 20, "wall_seconds": 90, "memory_mb": 1500}
ALL = {**TABLES, **IDLE, **HOSTILE}
CAUSES = {"model.tables", "model.idle_layers"}


def grade(source: str, assignment: Assignment, sandbox: Sandbox) -> QuestionScore:
    small = assignment.model_copy(update={"sandbox": LIMITS})
    grading = pipeline.run_first_stage(small, SubmittedParts({"model": Part(source.encode())}), sandbox)
    return scoring.score(assignment, "1.1", grading.evidence["1.1"])


@pytest.mark.parametrize("name", slices.every(2, ALL))
def test_cause_is_named_and_no_points_are_given(name: str, hw13: Assignment, sandbox: Sandbox) -> None:
    model = ALL[name]
    score = grade(source_of(model), hw13, sandbox)
    texts = [messages.render(note) for note in score.messages if note.id in CAUSES]
    assert (score.verdict, score.score) == (model.verdict, 0), score.messages
    assert ("model.fits_torchsummary" in {note.id for note in score.messages}) is (
        model.verdict is Verdict.NEEDS_REVIEW
    )
    assert not model.named or any(model.named in text for text in texts), texts


def test_advice_of_the_message_helps(hw13: Assignment, sandbox: Sandbox) -> None:
    score = grade(source_of(FORMULA), hw13, sandbox)
    assert score.verdict is Verdict.FULL, score.messages
