"""Work that waits for a job which is not there any more gets a new one.

That cannot happen as long as the job engine keeps its word; but a database that fails between the engine's steps, or
is restored from a backup, has been seen to leave work behind that nobody would ever touch again.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Select, SQLColumnExpression, func, or_, select
from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.base import now
from app.db.engine import Database
from app.queue.dbos_engine import DbosJobs
from app.queue.port import INTERACTIVE
from app.regrades import repository as regrades
from app.regrades.models import EntryState, Regrade, RegradeState
from app.submissions.models import Run, State, Submission

_UNFINISHED = (State.QUEUED, State.RUNNING)
log = structlog.get_logger()


def replace(database: Database, jobs: DbosJobs, patience: timedelta) -> int:
    """Enqueue what is unfinished for so long and has no job. Returns how many jobs that took."""
    with database.read() as session:
        submissions = session.execute(_waiting(patience)).scalars().all()
        running = select(Regrade.id).where(Regrade.state == RegradeState.RUNNING, _is_old(Regrade.created_at, patience))
        open_regrades = session.scalars(running).all()
    if not submissions and not open_regrades:
        return 0
    # Asked for after what is unfinished: what got a job or came to its end in between is not lost.
    known = jobs.active()
    named = {argument for arguments in known for argument in arguments}
    replaced = 0
    for identifier in submissions:
        if str(identifier) not in named:
            with database.write() as session:
                submission = session.scalar(select(Submission).where(Submission.id == identifier).with_for_update())
                if submission is not None and submission.state in _UNFINISHED:
                    jobs.enqueue(session, identifier, INTERACTIVE, assignments.definition(submission.assignment))
                    replaced += 1
    for identifier in open_regrades:
        with database.write() as session:
            regrade = regrades.get(session, identifier, lock=True)
            if regrade is not None and regrade.state is RegradeState.RUNNING:
                replaced += _replace_of_regrade(session, jobs, regrade, known)
    if replaced:
        log.error("jobs were lost and enqueued again", jobs=replaced)
    return replaced


def _waiting(patience: timedelta) -> Select[uuid.UUID]:
    begun = func.coalesce(Run.started_at, Submission.submitted_at)
    query = select(Submission.id).outerjoin(Run, Run.id == Submission.run_id)
    return query.where(Submission.state.in_(_UNFINISHED), _is_old(begun, patience))


def _is_old(time: SQLColumnExpression[datetime], patience: timedelta) -> ColumnElement[bool]:
    """A time in the future is that of a clock that was set back since."""
    moment = now()
    return or_(time < moment - patience, time > moment + patience)


def _replace_of_regrade(session: Session, jobs: DbosJobs, regrade: Regrade, known: set[tuple[str, ...]]) -> int:
    replaced = 0
    for identifier in regrades.entry_ids(session, regrade.id, EntryState.QUEUED):
        if (str(regrade.id), str(identifier)) not in known:
            jobs.enqueue_remeasure(session, regrade.id, identifier, assignments.definition(regrade.target))
            replaced += 1
    if (str(regrade.id),) not in known and regrades.entry_ids(session, regrade.id, EntryState.PENDING, 1):
        jobs.enqueue_regrade(session, regrade.id)
        replaced += 1
    return replaced
