"""Enqueue unfinished work that has no job any more.

A database that fails between two steps of the job engine, or is restored from a backup, can leave such work behind.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.courses.names import course_of
from app.db.engine import Database
from app.drafts import repository as drafts
from app.grading import repository as grading
from app.queue.dbos_engine import DbosJobs
from app.queue.port import INTERACTIVE
from app.regrades import repository as regrades
from app.regrades.models import EntryState, Regrade, RegradeState
from app.worker import repository

log = structlog.get_logger()


def replace(database: Database, jobs: DbosJobs, patience: timedelta) -> int:
    """Enqueue work that has been unfinished for so long and has no job. Returns the number of new jobs."""
    with database.read() as session:
        unfinished = repository.unfinished_submissions(session, patience)
        running = repository.running_regrades(session, patience)
        trials = drafts.waiting_trials(session, patience)
    if not unfinished and not running and not trials:
        return 0
    # List jobs after unfinished work: work that ended or got a job in between is not lost.
    active = jobs.active()
    identifiers_with_job = {argument for arguments in active for argument in arguments}
    replaced = 0
    for identifier in unfinished:
        if str(identifier) not in identifiers_with_job:
            with database.write() as session:
                submission = grading.lock_submission(session, identifier)
                if submission is not None and submission.state in repository.UNFINISHED:
                    jobs.enqueue(session, identifier, INTERACTIVE, assignments.definition(submission.assignment))
                    replaced += 1
    for identifier in running:
        with database.write() as session:
            regrade = regrades.get(session, identifier, lock=True)
            if regrade is not None and regrade.state is RegradeState.RUNNING:
                replaced += _replace_of_regrade(session, jobs, regrade, active)
    for identifier, slug in trials:
        if str(identifier) not in identifiers_with_job:
            with database.write() as session:
                jobs.enqueue_trial(session, identifier, course_of(slug))
                replaced += 1
    if replaced:
        log.error("jobs were lost and enqueued again", jobs=replaced)
    return replaced


def _replace_of_regrade(session: Session, jobs: DbosJobs, regrade: Regrade, active: set[tuple[str, ...]]) -> int:
    replaced = 0
    for identifier in regrades.entry_ids(session, regrade.id, EntryState.QUEUED):
        if (str(regrade.id), str(identifier)) not in active:
            jobs.enqueue_remeasure(session, regrade.id, identifier, assignments.definition(regrade.target))
            replaced += 1
    if (str(regrade.id),) not in active and regrades.entry_ids(session, regrade.id, EntryState.PENDING, 1):
        jobs.enqueue_regrade(session, regrade.id)
        replaced += 1
    return replaced
