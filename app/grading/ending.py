"""How a submission comes to its end state."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.base import now
from app.scores import computing
from app.submissions import repository
from app.submissions.models import Run, RunOutcome, State, StoredEvidence, Submission
from grader import remaining, stored_evidence
from grader.evidence import Fault


def end(session: Session, submission: Submission, state: State) -> None:
    """Give a submission its end state."""
    submission.state = state
    submission.finished_at = now()
    session.flush()
    repository.touch(session, submission.id)


def finish(session: Session, submission: Submission, run: Run) -> None:
    """End a submission as graded by this run.

    A question without evidence, or with a fault of ours, gives the attempt back.
    """
    run.outcome, run.finished_at = RunOutcome.FINISHED, now()
    fill_missing(session, submission, run.id, Fault.GRADER)
    rows = repository.run_evidence(session, run.id)
    submission.counts = not any(stored_evidence.parse(row.data).lost_to_fault for row in rows)
    submission.fault = None
    end(session, submission, State.GRADED)


def cancel(session: Session, submission: Submission) -> None:
    """End a submission that a person cancelled: as graded, without a curve, where a run has every verdict.

    Before that it ends as cancelled, and costs an attempt if its grading had begun.
    """
    current = repository.run(session, submission.run_id)
    runs = repository.runs(session, submission.id)
    for run in reversed([run for run in runs if run.regrade_id is None]):
        if _stop_curve(session, submission, run):
            if current is not None and current is not run:
                _end_cancelled(current)
            submission.run_id = run.id
            finish(session, submission, run)
            return
    if current is not None:
        _end_cancelled(current)
    submission.counts = current is not None
    end(session, submission, State.CANCELLED)


def _stop_curve(session: Session, submission: Submission, run: Run) -> bool:
    """Store that this run gets no curve any more, if it has every verdict; else nothing."""
    assignment = assignments.definition(submission.assignment)
    rows = {row.question: row for row in repository.run_evidence(session, run.id)}
    evidence = {number: stored_evidence.parse(row.data) for number, row in rows.items()}
    has_all = run.outcome in (RunOutcome.EXAMINED, RunOutcome.MEASURING)
    if not has_all and not remaining.has_all_verdicts(assignment, evidence):
        return False
    parts = {part.name for part in repository.parts(session, submission.id)}
    for number, stopped in remaining.without_later(assignment, parts, evidence, fault=None).items():
        row = StoredEvidence(run_id=run.id, submission_id=submission.id, question=number)
        rows[number] = computing.store_evidence(session, row, stopped)
    for row in rows.values():  # a later run may have begun to replace the scores of this one
        computing.store_score(session, row, submission.assignment)
    return True


def _end_cancelled(run: Run) -> None:
    if run.finished_at is None:
        run.outcome, run.finished_at = RunOutcome.CANCELLED, now()


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
            missing = stored_evidence.of_fault(question.check, fault)
            row = StoredEvidence(run_id=run_id, submission_id=submission.id, question=question.number)
            computing.store_score(session, computing.store_evidence(session, row, missing), submission.assignment)
