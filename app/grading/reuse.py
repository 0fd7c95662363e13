"""Find runs of the same content, so that nothing is measured twice."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.grading import repository as runs
from app.submissions import repository
from app.submissions.models import Run, Submission
from grader import data, stored_evidence
from grader.assignment import Assignment
from grader.evidence import Evidence
from grader.version import GRADER_VERSION


def content_key(submission: Submission, assignment: Assignment, *questions: str) -> str:
    """A digest of what a run measures: the submission's bytes, the assignment, the grader's version.

    ``questions`` are given when only some are measured.
    """
    text = "\0".join([submission.content_key, assignment.digest, GRADER_VERSION, *questions])
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class ReusableRun:
    """A finished run with its evidence by question."""

    run: Run
    evidence: dict[str, Evidence]


def evidence_of(session: Session, run_id: int) -> dict[str, Evidence]:
    """The evidence of a run by question."""
    return {row.question: stored_evidence.parse(row.data) for row in repository.run_evidence(session, run_id)}


def find_reusable_run(session: Session, content_key: str, assignment: Assignment) -> ReusableRun | None:
    """The latest finished run of this content, if measuring again would give the same for every question."""
    earlier = runs.latest_finished(session, content_key)
    if earlier is None:
        return None
    evidence = evidence_of(session, earlier.id)
    is_complete = evidence.keys() == {question.number for question in assignment.questions}
    return ReusableRun(earlier, evidence) if is_complete and all(map(is_current, evidence.values())) else None


def is_current(evidence: Evidence) -> bool:
    """Whether measuring the same submission again would give the same as this evidence."""
    return evidence.is_reproducible and _is_on_current_data(evidence)


def _is_on_current_data(evidence: Evidence) -> bool:
    """Whether the data set has not changed since. The built-in one changes with Assay's version alone."""
    if evidence.measured_on is None:
        return True
    name, digest = evidence.measured_on
    return name == data.BUILT_IN or digest == data.digest(name)
