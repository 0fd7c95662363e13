"""How a submission comes to its end state."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.base import now
from app.scores import computing
from app.submissions import repository
from app.submissions.models import State, StoredEvidence, Submission
from grader import evidence as evidences
from grader.evidence import Fault


def end(session: Session, submission: Submission, state: State) -> None:
    """Give a submission its end state."""
    submission.state = state
    submission.finished_at = now()
    session.flush()
    repository.touch(session, submission.id)


def give_up(session: Session, submission: Submission, run_id: int, fault: Fault) -> None:
    """End a submission that cannot be graded: what is missing reads as our fault, and the attempt is given back."""
    fill_missing(session, submission, run_id, fault)
    submission.fault = fault
    submission.counts = False
    end(session, submission, State.FAILED)


def fill_missing(session: Session, submission: Submission, run_id: int, fault: Fault) -> None:
    """Evidence of our fault for every question that the run did not measure."""
    measured = {row.question for row in repository.run_evidence(session, run_id)}
    for question in assignments.definition(submission.assignment).questions:
        if question.number not in measured:
            missing = evidences.parse({"kind": question.check, "fault": fault})
            row = StoredEvidence(run_id=run_id, submission_id=submission.id, question=question.number)
            computing.score(session, computing.store_evidence(session, row, missing), submission.assignment)
