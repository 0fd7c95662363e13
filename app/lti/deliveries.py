"""Points on their way to platforms: what should stand there, who is due, and one sender at a time for each student.

Nothing of grading calls this. Points are compared with what was sent whenever a class has changed, so that every way in
which they change is covered: a grading, points by hand, a regrade, an extension, a newer version of the assignment.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.db.base import now
from app.lti.models import Delivery, LineItem, Passback, Platform
from app.scores.class_records import Attempt, ClassSnapshot
from app.submissions.models import State

LEASE = timedelta(minutes=2)
"""Longer than sending takes. A sender that dies keeps others away for so long."""
_FIRST_PAUSE = 2.0
_LONGEST_PAUSE = 600.0
_STEP = timedelta(seconds=1)
_NO_SYNC = {"synchronize_session": False}


@dataclass(frozen=True)
class Job:
    """What one sender has taken: where to, for whom, what, and with which time."""

    id: int
    lease: uuid.UUID
    platform_id: int
    url: str
    subject: str
    wanted: dict[str, Any]
    before: dict[str, Any] | None
    stamp: datetime


def wanted(attempt: Attempt | None, max_score: float) -> dict[str, Any] | None:
    """What should stand in the gradebook for the attempt that counts; ``None`` while nothing is graded."""
    if attempt is None or attempt.state is not State.GRADED:
        return None
    return {
        "submission": str(attempt.submission),
        "submitted_at": attempt.submitted_at.isoformat(),
        "score": attempt.score,
        "max_score": max_score,
        "review": attempt.needs_review,
    }


def slugs(session: Session) -> list[str]:
    """The assignments whose points go to some platform."""
    return list(session.scalars(select(LineItem.slug).distinct().order_by(LineItem.slug)))


def newest(session: Session, slug: str) -> tuple[int, ...]:
    """Changes when somebody is added to a line item of the assignment."""
    query = select(func.count(), func.coalesce(func.max(Passback.id), 0)).select_from(Passback).join(LineItem)
    return tuple(session.execute(query.where(LineItem.slug == slug)).one())


def compare(session: Session, snapshot: ClassSnapshot) -> int:
    """Make due whatever differs from what stands in the gradebooks. Returns how many there were."""
    standings = {standing.login: standing.counting for standing in snapshot.standings}
    query = select(Passback).join(Passback.line_item).where(LineItem.slug == snapshot.assignment.slug)
    changed = 0
    for row in session.scalars(query.options(joinedload(Passback.user))):
        should = wanted(standings.get(row.user.login), snapshot.assignment.max_score)
        if should is not None and should != row.wanted:
            row.wanted, row.state, row.due_at, row.tries, row.error = should, Delivery.WAITING, now(), 0, None
            changed += 1
    return changed


def platforms_due(session: Session, moment: datetime) -> list[int]:
    """The platforms that something is due for and that are not left in peace for a while."""
    query = (
        select(LineItem.platform_id)
        .join(Passback, Passback.line_item_id == LineItem.id)
        .join(Platform, Platform.id == LineItem.platform_id)
        .where(_due(moment), or_(Platform.paused_until.is_(None), Platform.paused_until <= moment))
    )
    return list(session.scalars(query.distinct()))


def take(session: Session, platform_id: int) -> Job | None:
    """Take one student's points to send; nobody else gets them meanwhile. Those that failed least come first."""
    moment = now()
    candidates = (
        select(Passback)
        .join(Passback.line_item)
        .where(LineItem.platform_id == platform_id, _due(moment))
        .options(contains_eager(Passback.line_item))
        .order_by(Passback.tries, Passback.due_at, Passback.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Passback)
    )
    row = session.scalar(candidates)
    if row is None or row.wanted is None:
        return None
    lease = uuid.uuid4()
    # Platforms refuse a score that is not newer than the last one, and some of them count whole seconds.
    stamp = max(moment, row.stamp + _STEP) if row.stamp is not None else moment
    row.lease, row.leased_until, row.stamp, row.tries = lease, moment + LEASE, stamp, row.tries + 1
    session.flush()
    item = row.line_item
    return Job(row.id, lease, item.platform_id, item.url, row.subject, dict(row.wanted), row.sent, stamp)


def arrived(session: Session, job: Job) -> None:
    """The platform has taken the points. What changed while they were sent stays due."""
    row = _held(session, job)
    if row is None:
        return
    row.sent, row.sent_at, row.error, row.lease, row.leased_until = job.wanted, now(), None, None, None
    if row.wanted == job.wanted:
        row.state, row.tries = Delivery.SENT, 0
    session.execute(
        update(Platform).where(Platform.id == job.platform_id).values(failures=0, paused_until=None, trouble=None),
        execution_options=_NO_SYNC,
    )


def refused(session: Session, job: Job, error: str, *, again: timedelta | None) -> None:
    """The platform will not have these points; they are due ``again`` after a while, or when somebody asks."""
    row = _held(session, job)
    if row is None:
        return
    row.error, row.lease, row.leased_until = error, None, None
    if row.wanted == job.wanted:
        row.state = Delivery.REFUSED if again is None else Delivery.WAITING
    row.due_at = now() + (again or timedelta())


def away(session: Session, job: Job, error: str) -> None:
    """The platform did not answer: these points stay due, and all of the platform's wait, longer each time."""
    row = _held(session, job)
    if row is not None:
        row.error, row.lease, row.leased_until = error, None, None
    platform = session.get(Platform, job.platform_id)
    if platform is not None:
        pause = min(_FIRST_PAUSE * 2.0 ** min(platform.failures, 20), _LONGEST_PAUSE)
        platform.failures += 1
        platform.paused_until, platform.trouble = now() + timedelta(seconds=pause), error


def listed(session: Session, slug: str) -> list[Passback]:
    """Everybody whose points of an assignment go to a platform: what is in trouble first, then by login."""
    query = (
        select(Passback)
        .join(Passback.line_item)
        .where(LineItem.slug == slug)
        .options(joinedload(Passback.user), contains_eager(Passback.line_item).joinedload(LineItem.platform))
    )
    order = [Delivery.REFUSED, Delivery.WAITING, Delivery.SENT, Delivery.IDLE]
    return sorted(session.scalars(query), key=lambda row: (order.index(row.state), row.user.login))


def in_trouble(rows: Sequence[Passback]) -> int:
    """How many of them did not arrive: refused, or waiting for a platform that is away."""
    return sum(row.state is Delivery.REFUSED or _waits_in_vain(row) for row in rows)


def _waits_in_vain(row: Passback) -> bool:
    return row.state is Delivery.WAITING and (row.error is not None or row.line_item.platform.failures > 0)


def send_again(session: Session, slug: str, passback_id: int | None) -> int:
    """Make one student's points due, or all of the assignment that did not arrive. Returns how many."""
    items = select(LineItem.id).where(LineItem.slug == slug)
    query = update(Passback).where(Passback.line_item_id.in_(items), Passback.state != Delivery.IDLE)
    if passback_id is None:
        query = query.where(Passback.state != Delivery.SENT)
    else:
        query = query.where(Passback.id == passback_id)
    done = session.execute(
        query.values(state=Delivery.WAITING, due_at=now(), tries=0, error=None), execution_options=_NO_SYNC
    )
    of_these = select(LineItem.platform_id).where(LineItem.slug == slug)
    session.execute(
        update(Platform).where(Platform.id.in_(of_these)).values(paused_until=None), execution_options=_NO_SYNC
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def _due(moment: datetime) -> ColumnElement[bool]:
    free = or_(Passback.leased_until.is_(None), Passback.leased_until <= moment)
    return and_(Passback.state == Delivery.WAITING, Passback.due_at <= moment, free)


def _held(session: Session, job: Job) -> Passback | None:
    """The row, unless the lease ran out and somebody else has it."""
    return session.scalar(select(Passback).where(Passback.id == job.id, Passback.lease == job.lease).with_for_update())
