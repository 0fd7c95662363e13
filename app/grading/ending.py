"""How a submission comes to its end state."""

from __future__ import annotations

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.base import now
from app.grading import repository as runs
from app.grading import tries
from app.scores import computing
from app.submissions import repository
from app.submissions.models import Phase, Run, RunOutcome, State, Submission
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
    tries.end_run(run, RunOutcome.FINISHED)
    rows = repository.run_evidence(session, run.id)
    is_complete = fill_missing(session, submission, run, {row.question for row in rows}, Fault.GRADER)
    submission.counts = is_complete and not any(stored_evidence.parse(row.data).lost_to_fault for row in rows)
    submission.fault = None
    end(session, submission, State.GRADED)


def cancel(session: Session, submission: Submission) -> None:
    """End a submission that a person cancelled: as graded, without a curve, where a run has every verdict.

    Before that it ends as cancelled, and costs an attempt if its grading had begun.
    """
    current = repository.run(session, submission.run_id)
    own_runs = [run for run in reversed(repository.runs(session, submission.id)) if run.regrade_id is None]
    graded = next((run for run in own_runs if _stop_curve(session, submission, run)), None)
    for run in {current, graded}:
        if run is not None:
            _end_cancelled(session, run)
    if graded is not None:
        submission.run_id = graded.id
        finish(session, submission, graded)
    else:
        submission.counts = current is not None
        end(session, submission, State.CANCELLED)


def _stop_curve(session: Session, submission: Submission, run: Run) -> bool:
    """Store that this run gets no curve any more, if it has every verdict; else nothing."""
    assignment = assignments.definition(submission.assignment)
    rows = {row.question: row for row in repository.run_evidence(session, run.id)}
    evidence = {number: stored_evidence.parse(row.data) for number, row in rows.items()}
    if run.phase is not Phase.LATER and not remaining.has_all_verdicts(assignment, evidence):
        return False
    parts = {part.name for part in repository.parts(session, submission.id)}
    stopped = remaining.without_later(assignment, parts, evidence, fault=None)
    rows |= computing.store_evidence(session, run, stopped)
    # Score all: a later run may have begun to replace the scores of this one.
    computing.store_scores(session, rows, {**evidence, **stopped}, submission.assignment)
    return True


def _end_cancelled(session: Session, run: Run) -> None:
    row = runs.running_try(session, run.id)
    if row is not None:
        tries.end(run, row, RunOutcome.CANCELLED)
    if run.finished_at is None:
        tries.end_run(run, RunOutcome.CANCELLED)


def give_up(session: Session, submission: Submission, run: Run, fault: Fault) -> None:
    """End a submission that cannot be graded: what is missing reads as our fault, and the attempt is given back."""
    fill_missing(session, submission, run, {row.question for row in repository.run_evidence(session, run.id)}, fault)
    submission.fault = fault
    submission.counts = False
    end(session, submission, State.FAILED)


def fill_missing(session: Session, submission: Submission, run: Run, measured: set[str], fault: Fault) -> bool:
    """Store evidence of our fault for every question that was not measured. Returns whether none was missing."""
    missing = {
        question.number: stored_evidence.of_fault(question.check, fault)
        for question in assignments.definition(submission.assignment).questions
        if question.number not in measured
    }
    computing.store(session, run, missing, submission.assignment)
    return not missing
