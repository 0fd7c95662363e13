"""Measure one submission again for a regrade: a run of its own, hidden until the regrade is published."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.grading import repository as runs
from app.grading import reuse, tries
from app.grading.jobs import Claim, Grader, PhaseJob
from app.grading.recorder import HeldTry, Recorder
from app.regrades import preview, repository, stale
from app.regrades.models import EntryState, Regrade, RegradeEntry, RegradeState
from app.submissions import repository as submissions
from app.submissions import upload_repository
from app.submissions.models import Phase, Run, RunOutcome
from grader import pipeline, stored_evidence
from grader.assignment import Assignment, Question
from grader.checks import registry
from grader.evidence import Fault
from grader.pipeline import Grading

_NO_UPLOADS = "The uploads of this submission were deleted, so it cannot be measured again. Regrade with `rescore`."


class Remeasurement(PhaseJob[Regrade]):
    """The job that measures one submission of a regrade. Its scores are stored with the regrade."""

    phase = Phase.REMEASURE

    def __init__(self, grader: Grader, regrade_id: uuid.UUID, submission_id: uuid.UUID) -> None:
        super().__init__(grader, submission_id, regrade=str(regrade_id))
        self.regrade_id = regrade_id

    def claim(self, session: Session) -> Claim | None:
        regrade = repository.get(session, self.regrade_id, lock=True)
        if regrade is None or regrade.state is not RegradeState.RUNNING:
            return None
        entry = repository.entry(session, self.regrade_id, self.submission_id)
        if entry.state is not EntryState.QUEUED:
            return None
        former = submissions.run(session, entry.run_id)
        if former is not None:
            if not tries.take_over(session, former, self.executor):
                return None
            if tries.is_exhausted(session, former):
                self._store_fault(session, regrade, "The measurement failed too often; see the faults of the runs.")
                return None
        return self._begin(session, regrade, entry)

    def _begin(self, session: Session, regrade: Regrade, entry: RegradeEntry) -> Claim | None:
        submission = submissions.load(session, self.submission_id)
        whole = assignments.definition(regrade.target)
        assignment = _with_questions(whole, regrade.questions)
        content_key = reuse.content_key(submission, whole)
        reused = reuse.find_reusable_run(session, content_key, whole)
        if regrade.questions and reused is None:
            content_key = reuse.content_key(submission, whole, *regrade.questions)
            reused = reuse.find_reusable_run(session, content_key, assignment)
        stored_result = repository.stored_results(session, [self.submission_id], evidence=True)[self.submission_id]
        wanted = regrade.questions or [question.number for question in whole.questions]
        again = stale.stale(session, whole, stored_result.rows, wanted)
        if not again or (reused is not None and _rests_on(session, stored_result, reused.run, regrade.questions)):
            # Measuring would give the evidence that counts already.
            preview.store(session, regrade, [preview.rescored(regrade, stored_result)])
            preview.end_if_complete(session, regrade)
            return None
        if reused is None and not upload_repository.has_uploads(session, self.submission_id):
            self._store_fault(session, regrade, _NO_UPLOADS)
            return None
        run, row = self.begin_run(session, regrade.target_id, content_key, reused, regrade.id)
        entry.run_id = run.id
        if reused is not None:
            return Claim(run.id, row.id, assignment, reused.evidence, is_complete=True)
        kept = {
            number: stored_evidence.parse_json(stored_result.evidence[number])
            for number in wanted
            if number not in again
        }
        _keep_files(session, run, submissions.run(session, submission.run_id), map(whole.question, kept))
        return Claim(run.id, row.id, _with_questions(whole, again), kept)

    def lock(self, session: Session) -> Regrade | None:
        regrade = repository.get(session, self.regrade_id, lock=True)
        entry = repository.entry(session, self.regrade_id, self.submission_id)
        is_wanted = regrade is not None and regrade.state is RegradeState.RUNNING and entry.state is EntryState.QUEUED
        return regrade if is_wanted else None

    def is_cancelled(self, session: Session) -> bool:
        regrade = repository.get(session, self.regrade_id)
        return regrade is None or regrade.state is not RegradeState.RUNNING

    def rubric(self, subject: Regrade) -> None:
        """Students see no score of a regrade before it is published."""

    def notify(self) -> None:
        """Tell nobody: a regrade counts its progress in submissions."""

    def measure(self, claim: Claim, recorder: Recorder[Regrade]) -> Grading:
        return pipeline.grade(
            claim.assignment, self.submitted_parts(), self.grader.sandbox, recorder, recorder.cancelled
        )

    def finish(self, held: HeldTry[Regrade], grading: Grading) -> None:
        """End the run and store what publishing it would change."""
        session, regrade = held.session, held.subject
        tries.end_run(held.run, RunOutcome.FINISHED)
        session.flush()
        measured = {row.question: row for row in submissions.run_evidence(session, held.run.id)}
        stored_result = repository.stored_results(session, [self.submission_id])[self.submission_id]
        wanted = regrade.questions or list(measured)
        failed = [number for number in wanted if number in measured and measured[number].data.get("fault")]
        if failed:
            fault = Fault(measured[failed[0]].data["fault"])
            result = preview.Result(stored_result, fault=preview.own_fault(fault, failed[0]))
        else:
            measured_evidence = {number: (row.id, stored_evidence.parse(row.data)) for number, row in measured.items()}
            result = preview.result(regrade, stored_result, measured_evidence)
        preview.store(session, regrade, [result])
        preview.end_if_complete(session, regrade)

    def cancel(self, held: HeldTry[Regrade]) -> None:
        tries.end(held.run, held.row, RunOutcome.CANCELLED)

    def enqueue(self, session: Session) -> None:
        target = repository.target_of(session, self.regrade_id)
        self.engine.enqueue_remeasure(session, self.regrade_id, self.submission_id, target)

    def give_up(self, session: Session, subject: Regrade, run: Run, fault: Fault, detail: str) -> None:
        self._store_fault(session, subject, f"A fault of the {fault.value}: {detail}"[:4000])

    def _store_fault(self, session: Session, regrade: Regrade, reason: str) -> None:
        stored_result = repository.stored_results(session, [self.submission_id])[self.submission_id]
        preview.store(session, regrade, [preview.Result(stored_result, fault=reason)])
        preview.end_if_complete(session, regrade)


def _keep_files(session: Session, run: Run, former: Run | None, kept: Iterable[Question]) -> None:
    """Take over the files of the questions that are not measured again."""
    stores = {name for question in kept for name in registry.of(question).stores}
    if former is not None and "picture" in stores:
        run.picture_sha256 = former.picture_sha256
    if former is not None and "artefact" in stores:
        run.artefact_sha256 = former.artefact_sha256


def _with_questions(assignment: Assignment, numbers: list[str]) -> Assignment:
    """The assignment with these questions alone, and those whose evidence measuring them reads.

    No numbers mean all of them.
    """
    if not numbers:
        return assignment
    others = [other.number for number in numbers for other in stale.rests_on(assignment, assignment.question(number))]
    questions = tuple(question for question in assignment.questions if question.number in {*numbers, *others})
    return assignment.model_copy(update={"questions": questions})


def _rests_on(session: Session, stored_result: repository.StoredResult, run: Run, numbers: list[str]) -> bool:
    """Whether the current evidence comes from this run."""
    evidence_ids = [row.evidence_id for number, row in stored_result.rows.items() if not numbers or number in numbers]
    return runs.runs_of_evidence(session, evidence_ids) == [run.id]
