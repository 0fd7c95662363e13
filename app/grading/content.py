"""What was measured before: runs by their content, so that nothing is measured twice."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from app.grading import repository as runs
from app.submissions import repository
from app.submissions.models import Submission
from grader import data
from grader.assignment import Assignment
from grader.evidence import Outcome
from grader.version import GRADER_VERSION

_LASTING = (Outcome.OK, Outcome.ERROR, Outcome.FORBIDDEN, Outcome.OUTPUT_LIMIT)


def key(submission: Submission, assignment: Assignment, *questions: str) -> str:
    """Equal for runs that measure the same: the hand-in's bytes, the assignment, the grader.

    ``questions`` where only some are measured.
    """
    text = "\0".join([submission.content_key, assignment.digest, GRADER_VERSION, *questions])
    return hashlib.sha256(text.encode()).hexdigest()


def measured_before(session: Session, content_key: str, assignment: Assignment) -> int | None:
    """The latest finished run of this content, if it measured every question and would find the same again."""
    earlier = runs.latest_finished(session, content_key)
    if earlier is None:
        return None
    rows = repository.run_evidence(session, earlier)
    complete = {row.question for row in rows} == {question.number for question in assignment.questions}
    return earlier if complete and all(still_true(row.data) for row in rows) else None


def still_true(evidence: Mapping[str, Any]) -> bool:
    """Whether measuring the same hand-in again, in the same way, would find the same."""
    return lasting(evidence) and _on_todays_data(evidence)


def _on_todays_data(evidence: Mapping[str, Any]) -> bool:
    """An imported set may hold other images by now; the built-in one changes with Assay alone."""
    measured_on = evidence.get("data")
    if measured_on in (None, data.BUILT_IN):
        return True
    return evidence.get("data_digest") == data.digest(measured_on) is not None


def lasting(evidence: Mapping[str, Any]) -> bool:
    """Whether evidence says something of the hand-in alone.

    A fault is ours, what a busy machine stopped (time, memory, a death) may pass on a quiet one, and a curve that a
    person stopped can still be measured.
    """
    if evidence.get("curve_stopped") or evidence.get("verification") == "over_limit":
        return False
    stopped = {evidence.get("outcome", Outcome.OK), evidence.get("curve_outcome", Outcome.OK)} - set(_LASTING)
    return not (evidence.get("fault") or evidence.get("curve_fault") or stopped)
