"""SQL of the scores that go to platforms: passbacks, and the pauses of line items and platforms."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, contains_eager, joinedload

from app.lti.models import HELD_UNTIL, Delivery, LineItem, Passback, Platform

_NO_SYNC = {"synchronize_session": False}


def assignment_slugs(session: Session) -> list[str]:
    """The assignments whose scores go to some platform."""
    return list(session.scalars(select(LineItem.slug).distinct().order_by(LineItem.slug)))


def size(session: Session, slug: str) -> tuple[int, ...]:
    """The number of passbacks of an assignment and the largest id: they change when a student is added."""
    query = select(func.count(), func.coalesce(func.max(Passback.id), 0)).select_from(Passback).join(LineItem)
    return tuple(session.execute(query.where(LineItem.slug == slug)).one())


def of_assignment(session: Session, slug: str) -> list[Passback]:
    """Every passback of an assignment, with its student, line item and platform."""
    query = select(Passback).join(Passback.line_item).where(LineItem.slug == slug)
    line_item = contains_eager(Passback.line_item).joinedload(LineItem.platform)
    return list(session.scalars(query.options(joinedload(Passback.user), line_item)))


def of_student(session: Session, line_item_id: int, user_id: int) -> Passback | None:
    """The passback of one student in one line item."""
    query = select(Passback).where(Passback.line_item_id == line_item_id, Passback.user_id == user_id)
    return session.scalar(query)


def due_platforms(session: Session, moment: datetime) -> list[int]:
    """The platforms for which a passback is due and neither its line item nor the platform is paused."""
    query = select(LineItem.platform_id).select_from(Passback).join(Passback.line_item).join(LineItem.platform)
    return list(session.scalars(query.where(_can_be_sent(moment)).distinct()))


def next_due(session: Session, platform_id: int, moment: datetime) -> Passback | None:
    """A due passback that no other transaction holds, locked.

    Those that failed least come first, in random order, so that a few bad scores never hold up all others.
    """
    query = (
        select(Passback)
        .join(Passback.line_item)
        .join(LineItem.platform)
        .where(LineItem.platform_id == platform_id, _can_be_sent(moment))
        .options(contains_eager(Passback.line_item).contains_eager(LineItem.platform))
        .order_by(Passback.tries, func.random())
        .limit(1)
        .with_for_update(skip_locked=True, of=Passback)
    )
    return session.scalar(query)


def leased(session: Session, passback_id: int, lease: uuid.UUID) -> Passback | None:
    """The passback, locked; ``None`` when the lease ran out and another sender has it."""
    query = select(Passback).where(Passback.id == passback_id, Passback.lease == lease)
    return session.scalar(query.with_for_update())


def lock(session: Session, place: Platform | LineItem) -> None:
    """Read a platform or line item again and keep other writers off until the transaction ends."""
    session.refresh(place, with_for_update=True)


def make_due(session: Session, line_item_id: int, moment: datetime) -> None:
    """Make due what waits in a line item, whenever it would have been due."""
    _make_due(session, moment, Passback.line_item_id == line_item_id)


def make_platform_due(session: Session, platform_id: int, moment: datetime, latest: datetime) -> None:
    """Make due what waits for a platform and would have been due until ``latest``."""
    items = select(LineItem.id).where(LineItem.platform_id == platform_id)
    _make_due(session, moment, Passback.line_item_id.in_(items), Passback.due_at <= latest)


def clear_trouble(session: Session, place: type[Platform | LineItem], key: int) -> None:
    """Forget the failures and the pause of a platform or line item."""
    in_trouble = or_(place.failures > 0, place.trouble.is_not(None))
    query = update(place).where(place.id == key, in_trouble).values(failures=0, paused_until=None, trouble=None)
    session.execute(query, execution_options=_NO_SYNC)


def start_over(session: Session, slug: str, passback_id: int | None, moment: datetime) -> int:
    """Make one passback due as if it had never failed, or all of the assignment that were not sent. Returns how many.

    The pauses of the assignment's line items and platforms end, but not that of a platform on hold.
    """
    items = select(LineItem.id).where(LineItem.slug == slug)
    query = update(Passback).where(Passback.line_item_id.in_(items), Passback.state != Delivery.IDLE)
    chosen = Passback.state != Delivery.SENT if passback_id is None else Passback.id == passback_id
    values = {"state": Delivery.WAITING, "due_at": moment, "tries": 0, "refusals": 0}
    values |= {"error": None, "refusal_status": None}
    done = session.execute(query.where(chosen).values(values), execution_options=_NO_SYNC)
    platforms = select(LineItem.platform_id).where(LineItem.slug == slug)
    paused = Platform.id.in_(platforms), Platform.paused_until < HELD_UNTIL
    for pauses in (update(Platform).where(*paused), update(LineItem).where(LineItem.slug == slug)):
        session.execute(pauses.values(paused_until=None), execution_options=_NO_SYNC)
    return int(done.rowcount)  # type: ignore[attr-defined]


def hold_platforms(session: Session, trouble: str) -> int:
    """Put every platform on hold. Returns how many were not."""
    query = update(Platform).where(or_(Platform.paused_until.is_(None), Platform.paused_until < HELD_UNTIL))
    held = session.execute(query.values(paused_until=HELD_UNTIL, trouble=trouble), execution_options=_NO_SYNC)
    return int(held.rowcount)  # type: ignore[attr-defined]


def resume_platforms(session: Session) -> int:
    """End the hold of every platform. Returns how many had one."""
    query = update(Platform).where(Platform.paused_until == HELD_UNTIL)
    resumed = session.execute(query.values(paused_until=None, trouble=None, failures=0), execution_options=_NO_SYNC)
    return int(resumed.rowcount)  # type: ignore[attr-defined]


def _make_due(session: Session, moment: datetime, *conditions: ColumnElement[bool]) -> None:
    rows = select(Passback.id).where(Passback.state == Delivery.WAITING, Passback.due_at > moment, *conditions)
    # Skip locked rows: the sender that holds one is sending it now.
    unlocked = rows.with_for_update(skip_locked=True)
    query = update(Passback).where(Passback.id.in_(unlocked)).values(due_at=moment)
    session.execute(query, execution_options=_NO_SYNC)


def _can_be_sent(moment: datetime) -> ColumnElement[bool]:
    is_free = or_(Passback.leased_until.is_(None), Passback.leased_until <= moment)
    are_open = (or_(place.paused_until.is_(None), place.paused_until <= moment) for place in (Platform, LineItem))
    return and_(Passback.state == Delivery.WAITING, Passback.due_at <= moment, is_free, *are_open)
