"""The job that grades an author's own solutions for a draft, in the sandbox, as `assay assignment check` does."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import asdict

import structlog

from app.assignments import service as assignments
from app.courses.names import course_of
from app.db.engine import Database
from app.db.outage import DatabaseAway
from app.drafts import repository, service
from app.drafts.models import DraftState, TrialState
from app.queue.port import JobEngine
from grader.assignment import Assignment
from grader.checks import registry
from grader.rubric import RubricTrial
from grader.sandbox.supervisor import Sandbox


class _Stopped(Exception):
    """The worker stops, so the trial begins anew elsewhere."""


class RubricTrials:
    """Runs the trials of drafts. Thread-safe."""

    def __init__(self, database: Database, engine: JobEngine, sandbox: Sandbox, stopping: Callable[[], bool]) -> None:
        self.database = database
        self.engine = engine
        self.sandbox = sandbox
        self.stopping = stopping

    def run(self, draft_id: uuid.UUID) -> None:
        """Try the draft's rubrics and store what that shows."""
        with self.database.read() as session:
            draft = repository.get(session, draft_id)
            if draft is None or draft.state is not DraftState.OPEN or draft.trial_state is not TrialState.WAITING:
                return
            assignment = assignments.definition(draft.version)
            newest = service.standing(session, draft.slug).newest
            numbers = service.questions_to_try(assignment, assignments.definition(newest) if newest else None)
        try:
            trials = [self._try(assignment, number) for number in numbers]
        except _Stopped:
            self.hand_back(draft_id)
        except DatabaseAway:
            raise
        except Exception as error:  # noqa: BLE001 - a fault of ours is shown on the draft's page
            structlog.get_logger().exception("rubrics not tried", draft=str(draft_id))
            self._store(draft_id, TrialState.FAILED, failure=f"{type(error).__name__}: {error}"[:4000])
        else:
            self._store(draft_id, TrialState.DONE, trials)

    def hand_back(self, draft_id: uuid.UUID) -> None:
        """Put the job back into the queue, for another worker."""
        with self.database.write() as session:
            draft = repository.get(session, draft_id)
            if draft is not None:
                self.engine.enqueue_trial(session, draft_id, course_of(draft.slug))

    def _try(self, assignment: Assignment, number: str) -> RubricTrial:
        question = assignment.question(number)

        def progress(file: str, done: int, total: int) -> None:
            if self.stopping():
                raise _Stopped

        return registry.of(question).try_rubric(self.sandbox, assignment, question, progress)

    def _store(
        self,
        draft_id: uuid.UUID,
        state: TrialState,
        trials: list[RubricTrial] | None = None,
        failure: str | None = None,
    ) -> None:
        with self.database.write() as session:
            draft = repository.get(session, draft_id, lock=True)
            if draft is not None and draft.trial_state is TrialState.WAITING:
                draft.trial = [asdict(trial) for trial in trials] if trials is not None else None
                draft.trial_state, draft.trial_failure = state, failure
