"""Points on their way to platforms: what should stand there, who is due, and one sender at a time for each student.

Nothing of grading calls this. Points are compared with what was sent whenever a class has changed, so that every way in
which they change is covered: a grading, points by hand, a regrade, an extension, a newer version of the assignment.

A score that the platform refuses backs off alone. A platform that does not answer is paused. Refusals pause a column of
the gradebook only when many different scores met one and none arrived: then one score at a time probes the column.
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
_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(minutes=10)
_LONGEST_RETRY_AFTER = timedelta(hours=1)
_WAITS = (
    *(timedelta(seconds=seconds) for seconds in (2, 15, 120, 1200)),
    *(timedelta(hours=hours) for hours in (2, 6, 12, 24)),
)
"""After each refusal of a score. After one more refusal it is given up: nearly two days for a lock to be opened."""
REFUSALS_TO_PAUSE = 8
"""So many different scores, refused in a row, say something about their column and not about themselves."""
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
            # The last error stays, so that a score that goes on failing is known as one that failed before.
            row.wanted, row.state, row.due_at, row.tries, row.refusals = should, Delivery.WAITING, now(), 0, 0
            changed += 1
    return changed


def platforms_due(session: Session, moment: datetime) -> list[int]:
    """The platforms that something is due for and that are not paused."""
    query = (
        select(LineItem.platform_id)
        .join(Passback, Passback.line_item_id == LineItem.id)
        .join(Platform, Platform.id == LineItem.platform_id)
        .where(_due(moment), _open(Platform, moment), _open(LineItem, moment))
    )
    return list(session.scalars(query.distinct()))


def take(session: Session, platform_id: int) -> Job | None:
    """Take one student's points to send; nobody else gets them meanwhile.

    Those that failed least come first, at random: a few bad scores never stand at the head of all the others.
    """
    moment = now()
    candidates = (
        select(Passback)
        .join(Passback.line_item)
        .join(LineItem.platform)
        .where(LineItem.platform_id == platform_id, _due(moment), _open(Platform, moment), _open(LineItem, moment))
        .options(contains_eager(Passback.line_item).contains_eager(LineItem.platform))
        .order_by(Passback.tries, func.random())
        .limit(1)
        .with_for_update(skip_locked=True, of=Passback)
    )
    row = session.scalar(candidates)
    if row is None or row.wanted is None or not _may_probe(session, row.line_item, moment):
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
        row.state, row.tries, row.refusals = Delivery.SENT, 0, 0
    _platform_answers(session, row.line_item.platform)
    if row.line_item.failures >= REFUSALS_TO_PAUSE:
        _make_due(session, Passback.line_item_id == row.line_item_id)
    _end_trouble(session, LineItem, row.line_item_id)


def refused(session: Session, job: Job, error: str) -> bool:
    """The platform will not have these points: they wait longer each time. Returns whether they are given up."""
    row = _held(session, job)
    if row is None:
        return False
    _platform_answers(session, row.line_item.platform)
    item = session.get_one(LineItem, row.line_item_id, with_for_update=True)
    item.failures += _fails_anew(row)
    if item.failures >= REFUSALS_TO_PAUSE:
        item.paused_until, item.trouble = now() + _pause(item.failures - REFUSALS_TO_PAUSE), error
    row.error, row.lease, row.leased_until = error, None, None
    if row.wanted != job.wanted:
        return False
    row.refusals += 1
    if row.refusals > len(_WAITS):
        row.state = Delivery.REFUSED
        return True
    row.due_at = now() + _WAITS[row.refusals - 1]
    return False


def away(session: Session, job: Job, error: str, *, retry_after: float | None = None) -> None:
    """The platform did not answer: all of its points wait, for longer the more of them have met that."""
    row = _held(session, job)
    platform = session.get(Platform, job.platform_id, with_for_update=True)
    if row is None or platform is None:
        return
    asked = min(timedelta(seconds=min(retry_after or 0.0, 1e6)), _LONGEST_RETRY_AFTER)
    # The same few scores again and again say nothing new about the platform: they wait longer, not all the others.
    platform.failures += _fails_anew(row)
    platform.paused_until, platform.trouble = now() + max(_pause(platform.failures - 1), asked), error
    if row.line_item.failures >= REFUSALS_TO_PAUSE:
        row.line_item.paused_until = platform.paused_until
    row.error, row.lease, row.leased_until = error, None, None
    if row.wanted == job.wanted:
        row.due_at = now() + max(_pause(row.tries - 1), asked)


def listed(session: Session, slug: str) -> list[Passback]:
    """Everybody whose points of an assignment go to a platform: what is in trouble first, then by login."""
    query = (
        select(Passback)
        .join(Passback.line_item)
        .where(LineItem.slug == slug)
        .options(joinedload(Passback.user), contains_eager(Passback.line_item).joinedload(LineItem.platform))
    )
    order = [Delivery.REFUSED, Delivery.WAITING, Delivery.SENT, Delivery.IDLE]
    return sorted(
        session.scalars(query), key=lambda row: (order.index(row.state), not _waits_in_vain(row), row.user.login)
    )


def in_trouble(rows: Sequence[Passback]) -> int:
    """How many of them did not arrive: given up, refused so far, or waiting for a column or platform in trouble."""
    return sum(row.state is Delivery.REFUSED or _waits_in_vain(row) for row in rows)


def _waits_in_vain(row: Passback) -> bool:
    if row.state is not Delivery.WAITING:
        return False
    return row.error is not None or row.line_item.trouble is not None or row.line_item.platform.failures > 0


def send_again(session: Session, slug: str, passback_id: int | None) -> int:
    """Make one student's points due, or all of the assignment that did not arrive. Returns how many."""
    items = select(LineItem.id).where(LineItem.slug == slug)
    query = update(Passback).where(Passback.line_item_id.in_(items), Passback.state != Delivery.IDLE)
    if passback_id is None:
        query = query.where(Passback.state != Delivery.SENT)
    else:
        query = query.where(Passback.id == passback_id)
    done = session.execute(
        query.values(state=Delivery.WAITING, due_at=now(), tries=0, refusals=0, error=None), execution_options=_NO_SYNC
    )
    platforms = select(LineItem.platform_id).where(LineItem.slug == slug)
    for pauses in (update(Platform).where(Platform.id.in_(platforms)), update(LineItem).where(LineItem.slug == slug)):
        session.execute(pauses.values(paused_until=None), execution_options=_NO_SYNC)
    return int(done.rowcount)  # type: ignore[attr-defined]


def _due(moment: datetime) -> ColumnElement[bool]:
    free = or_(Passback.leased_until.is_(None), Passback.leased_until <= moment)
    return and_(Passback.state == Delivery.WAITING, Passback.due_at <= moment, free)


def _open(place: type[Platform | LineItem], moment: datetime) -> ColumnElement[bool]:
    return or_(place.paused_until.is_(None), place.paused_until <= moment)


def _may_probe(session: Session, item: LineItem, moment: datetime) -> bool:
    """Whether a score may be sent there now. In trouble, only one at a time: the others wait for how it does."""
    places: list[Platform | LineItem] = [item.platform] if item.platform.failures else []
    if item.failures >= REFUSALS_TO_PAUSE:
        places.append(item)
    for place in places:
        session.refresh(place, with_for_update=True)
    if any(place.paused_until is not None and place.paused_until > moment for place in places):
        return False
    for place in places:
        place.paused_until = moment + LEASE
    return True


def _fails_anew(row: Passback) -> bool:
    return row.error is None


def _pause(doublings: int) -> timedelta:
    return min(_FIRST_PAUSE * 2.0 ** min(max(doublings, 0), 20), _LONGEST_PAUSE)


def _platform_answers(session: Session, platform: Platform) -> None:
    if platform.failures:
        items = select(LineItem.id).where(LineItem.platform_id == platform.id)
        _make_due(session, Passback.line_item_id.in_(items), Passback.due_at <= now() + _LONGEST_PAUSE)
    _end_trouble(session, Platform, platform.id)


def _end_trouble(session: Session, place: type[Platform | LineItem], key: int) -> None:
    troubled = or_(place.failures > 0, place.trouble.is_not(None))
    query = update(place).where(place.id == key, troubled).values(failures=0, paused_until=None, trouble=None)
    session.execute(query, execution_options=_NO_SYNC)


def _make_due(session: Session, *which: ColumnElement[bool]) -> None:
    """The platform works again: what waits because it did not is due now."""
    rows = select(Passback.id).where(Passback.state == Delivery.WAITING, Passback.due_at > now(), *which)
    # What another sender holds is being tried anyway.
    query = update(Passback).where(Passback.id.in_(rows.with_for_update(skip_locked=True))).values(due_at=now())
    session.execute(query, execution_options=_NO_SYNC)


def _held(session: Session, job: Job) -> Passback | None:
    """The row, unless the lease ran out and somebody else has it."""
    return session.scalar(select(Passback).where(Passback.id == job.id, Passback.lease == job.lease).with_for_update())
