"""Find runs of the same content, so that nothing is measured twice."""

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

_REPRODUCIBLE = (Outcome.OK, Outcome.ERROR, Outcome.FORBIDDEN, Outcome.OUTPUT_LIMIT)


def content_key(submission: Submission, assignment: Assignment, *questions: str) -> str:
    """A digest of what a run measures: the submission's bytes, the assignment, the grader's version.

    ``questions`` are given when only some are measured.
    """
    text = "\0".join([submission.content_key, assignment.digest, GRADER_VERSION, *questions])
    return hashlib.sha256(text.encode()).hexdigest()


def find_reusable_run(session: Session, content_key: str, assignment: Assignment) -> int | None:
    """The latest finished run of this content, if measuring again would give the same for every question."""
    earlier = runs.latest_finished(session, content_key)
    if earlier is None:
        return None
    rows = repository.run_evidence(session, earlier)
    complete = {row.question for row in rows} == {question.number for question in assignment.questions}
    return earlier if complete and all(is_current(row.data) for row in rows) else None


def is_current(evidence: Mapping[str, Any]) -> bool:
    """Whether measuring the same submission again would give the same evidence."""
    return is_reproducible(evidence) and _is_on_current_data(evidence)


def _is_on_current_data(evidence: Mapping[str, Any]) -> bool:
    """Whether the data set has not changed since. The built-in one changes with Assay's version alone."""
    measured_on = evidence.get("data")
    if measured_on in (None, data.BUILT_IN):
        return True
    return evidence.get("data_digest") == data.digest(measured_on) is not None


def is_reproducible(evidence: Mapping[str, Any]) -> bool:
    """Whether evidence depends on the submission alone.

    Faults of ours, limits that a busy machine meets (time, memory, a death) and cancelled curves may end otherwise in
    another run.
    """
    if evidence.get("curve_stopped") or evidence.get("verification") == "over_limit":
        return False
    stopped = {evidence.get("outcome", Outcome.OK), evidence.get("curve_outcome", Outcome.OK)} - set(_REPRODUCIBLE)
    return not (evidence.get("fault") or evidence.get("curve_fault") or stopped)
