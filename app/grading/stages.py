"""The two stages of grading a submission, each a job of its own.

The first stage gives every question its verdict. The later stage, if there is one, only adds to the evidence: however
it ends, the submission ends as graded.
"""

from __future__ import annotations

from abc import abstractmethod

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.assignments.models import PublishedAssignment
from app.grading import ending, reuse, tries
from app.grading import repository as runs
from app.grading.jobs import Claim, PhaseJob, load_parts
from app.grading.recorder import HeldTry, Recorder
from app.queue.port import INTERACTIVE
from app.scores import computing
from app.submissions import repository
from app.submissions.models import Phase, Run, RunOutcome, State, Submission
from grader import later_stage, pipeline, remaining
from grader.evidence import Fault
from grader.pipeline import Grading

MEASURING_STAGE = "measuring"
"""The progress of a run whose later stage waits for a worker."""


class _StageJob(PhaseJob[Submission]):
    """What the two stages share: the subject of both is the submission."""

    def claim(self, session: Session) -> Claim | None:
        submission = runs.lock_submission(session, self.submission_id)
        if submission is None or submission.state.ended:
            return None
        run = repository.run(session, submission.run_id)
        is_going_on = run is not None and run.outcome is RunOutcome.RUNNING
        phase = run.phase if run is not None and is_going_on else Phase.FIRST
        if phase is not self.phase:
            if phase is Phase.LATER:
                # The worker of the first stage died between its commit and the end of its job.
                LaterStage(self.grader, self.submission_id).enqueue(session)
            return None
        if run is not None and is_going_on and not tries.take_over(session, run, self.executor):
            return None
        if submission.cancel_requested_at is not None:
            ending.cancel(session, submission)
            return None
        if run is not None and tries.is_exhausted(session, run):
            self.give_up(session, submission, run, Fault.INFRASTRUCTURE, "")
            return None
        return self.begin(session, submission, run)

    @abstractmethod
    def begin(self, session: Session, submission: Submission, run: Run | None) -> Claim:
        """Begin a try of the current run, or of a new one."""

    def lock(self, session: Session) -> Submission | None:
        return runs.lock_submission(session, self.submission_id)

    def is_cancelled(self, session: Session) -> bool:
        return repository.load(session, self.submission_id).cancel_requested_at is not None

    def rubric(self, subject: Submission) -> PublishedAssignment:
        return subject.assignment

    def cancel(self, held: HeldTry[Submission]) -> None:
        ending.cancel(held.session, held.subject)


class FirstStage(_StageJob):
    """The job that gives every question its verdict."""

    phase = Phase.FIRST
    _is_later_due = False

    def begin(self, session: Session, submission: Submission, run: Run | None) -> Claim:
        assignment = assignments.definition(submission.assignment)
        content_key = reuse.content_key(submission, assignment)
        reused = reuse.find_reusable_run(session, content_key, assignment)
        run, row = self.begin_run(session, submission.assignment_id, content_key, reused)
        submission.state, submission.run_id = State.RUNNING, run.id
        session.flush()
        repository.touch(session, submission.id)
        if reused is None:
            return Claim(run.id, row.id, assignment)
        return Claim(run.id, row.id, assignment, reused.evidence, is_complete=True)

    def measure(self, claim: Claim, recorder: Recorder[Submission]) -> Grading:
        submitted = self.submitted_parts()
        grading = pipeline.run_first_stage(
            claim.assignment, submitted, self.grader.sandbox, recorder, recorder.cancelled
        )
        self._is_later_due = later_stage.is_due(claim.assignment, submitted, grading)
        return grading

    def finish(self, held: HeldTry[Submission], grading: Grading) -> None:
        session, submission, run = held.session, held.subject, held.run
        if not self._is_later_due:
            ending.finish(session, submission, run)
            return
        run.phase = Phase.LATER
        run.stage, run.stage_done, run.stage_total = MEASURING_STAGE, 0, 0
        session.flush()
        if submission.cancel_requested_at is not None:
            # The last verdict was stored before this try noticed the request.
            ending.cancel(session, submission)
        else:
            repository.touch(session, submission.id)
            LaterStage(self.grader, submission.id).enqueue(session)

    def enqueue(self, session: Session) -> None:
        assignment = repository.assignment_of(session, self.submission_id)
        self.engine.enqueue(session, self.submission_id, INTERACTIVE, assignment)

    def requeue(self, held: HeldTry[Submission]) -> None:
        held.subject.state = State.QUEUED
        held.session.flush()
        repository.touch(held.session, self.submission_id)
        self.enqueue(held.session)

    def give_up(self, session: Session, subject: Submission, run: Run, fault: Fault, detail: str) -> None:
        ending.give_up(session, subject, run, fault)


class LaterStage(_StageJob):
    """The job that measures what takes a minute, in the run of the first stage."""

    phase = Phase.LATER

    def begin(self, session: Session, submission: Submission, run: Run | None) -> Claim:
        assert run is not None  # noqa: S101 - a submission without a run is at its first stage
        assignment = assignments.definition(submission.assignment)
        row = runs.add_try(session, run, self.executor)
        stored = _stored_grading(session, run)
        reused = reuse.find_reusable_run(session, run.content_key, assignment)
        if reused is None:
            return Claim(run.id, row.id, assignment, stored=stored)
        parts = {part.name for part in repository.parts(session, submission.id)}
        due = remaining.due(assignment, parts, stored.evidence)
        known = {question.number: reused.evidence[question.number] for question in due}
        return Claim(run.id, row.id, assignment, known, is_complete=True, stored=stored)

    def measure(self, claim: Claim, recorder: Recorder[Submission]) -> Grading:
        grading = claim.stored
        later_stage.run(
            claim.assignment, self.submitted_parts(), grading, self.grader.sandbox, recorder, recorder.cancelled
        )
        return grading

    def finish(self, held: HeldTry[Submission], grading: Grading) -> None:
        ending.finish(held.session, held.subject, held.run)

    def enqueue(self, session: Session) -> None:
        assignment = repository.assignment_of(session, self.submission_id)
        self.engine.enqueue_measuring(session, self.submission_id, assignment)

    def give_up(self, session: Session, subject: Submission, run: Run, fault: Fault, detail: str) -> None:
        """End without the missing evidence. The points stand, and the attempt is given back."""
        assignment = assignments.definition(subject.assignment)
        stored = _stored_grading(session, run)
        lost = later_stage.mark_lost(assignment, load_parts(session, subject), stored, fault)
        computing.store(session, run, lost, subject.assignment)
        ending.finish(session, subject, run)


def _stored_grading(session: Session, run: Run) -> Grading:
    """What the first stage of a run left for the later one."""
    return Grading(
        evidence=reuse.evidence_of(session, run.id),
        sandbox=run.sandbox,
        timings=dict(run.timings),
        artefact=repository.blob(session, run.artefact_sha256) if run.artefact_sha256 else None,
    )
