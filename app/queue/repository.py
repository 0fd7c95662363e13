"""SQL of the workers' tables."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import bindparam, func, or_, select, text, update
from sqlalchemy.orm import Session

from app.db.base import UTCDateTime, now
from app.queue.models import Chore, GraderVersion, WorkerRow

_FIRST_TIME = text("INSERT INTO chores (name, begun_at) VALUES (:name, :at) ON CONFLICT (name) DO NOTHING").bindparams(
    bindparam("at", type_=UTCDateTime())
)


def find(session: Session, executor: str) -> WorkerRow | None:
    """The row of a worker."""
    return session.get(WorkerRow, executor)


def lives(session: Session, executor: str) -> bool:
    """Whether a worker of this name has neither stopped nor been claimed as dead. Its jobs are given out again then.

    No clock is asked: the clocks of two machines differ.
    """
    row = session.get(WorkerRow, executor)
    return row is not None and row.stopped_at is None and row.reaped_at is None


def beat(session: Session, executor: str, boot: str) -> bool:
    """Say that the worker lives. False when the row belongs to another process now."""
    # The transaction begins here: where it has to wait for its turn, the time must be that of the beat's end.
    session.connection()
    done = session.execute(
        update(WorkerRow)
        .where(WorkerRow.executor == executor, WorkerRow.boot == boot)
        .values(beat_at=now(), stopped_at=None, reaped_at=None)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def stop(session: Session, executor: str, boot: str) -> None:
    """Say that the worker has ended."""
    session.execute(
        update(WorkerRow).where(WorkerRow.executor == executor, WorkerRow.boot == boot).values(stopped_at=now())
    )


def claim(session: Session, seen: WorkerRow) -> bool:
    """Take over from a worker that is as it was ``seen``, stopped or silent: true for one caller only."""
    unclaimed = WorkerRow.reaped_at.is_(None) if seen.reaped_at is None else WorkerRow.reaped_at == seen.reaped_at
    done = session.execute(
        update(WorkerRow)
        .where(WorkerRow.executor == seen.executor, WorkerRow.boot == seen.boot, WorkerRow.beat_at == seen.beat_at)
        .where(unclaimed)
        .values(reaped_at=now())
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def most_slots(session: Session, *, silent_seconds: float) -> int:
    """The largest number of gradings at once among the living workers."""
    silent = now() - timedelta(seconds=silent_seconds)
    living = WorkerRow.stopped_at.is_(None), WorkerRow.beat_at >= silent
    return session.scalar(select(func.max(WorkerRow.slots)).where(*living)) or 1


def workers(session: Session) -> list[WorkerRow]:
    """Every worker that ever was, the latest heartbeat first."""
    return list(session.scalars(select(WorkerRow).order_by(WorkerRow.beat_at.desc())))


def living_versions(session: Session, *, silent_seconds: float) -> set[str]:
    """The versions that living workers run."""
    silent = now() - timedelta(seconds=silent_seconds)
    living = WorkerRow.stopped_at.is_(None), WorkerRow.beat_at >= silent
    return set(session.scalars(select(WorkerRow.grader_version).where(*living).distinct()))


def count_unstopped(session: Session, *, silent_seconds: float) -> tuple[int, int]:
    """The workers that have not stopped: how many sent a heartbeat lately, and how many did not."""
    is_alive = WorkerRow.beat_at >= now() - timedelta(seconds=silent_seconds)
    query = select(func.count().filter(is_alive), func.count().filter(~is_alive))
    alive, silent = session.execute(query.where(WorkerRow.stopped_at.is_(None))).one()
    return alive, silent


def see_version(session: Session, version: str) -> None:
    """Remember that a process of this version has started."""
    session.merge(GraderVersion(version=version, seen_at=now()))


def versions(session: Session) -> dict[str, datetime]:
    """Every version that ever ran, and when a process of it started last."""
    return dict(session.execute(select(GraderVersion.version, GraderVersion.seen_at)).all())


def claim_chore(session: Session, name: str, *, every_seconds: float) -> bool:
    """Whether it is the caller's turn: true for one caller only, and not again before the time is over."""
    moment = now()
    wait = timedelta(seconds=every_seconds)
    # A time in the future is that of a clock that was set back since.
    due = or_(Chore.begun_at <= moment - wait, Chore.begun_at > moment + wait)
    done = session.execute(update(Chore).where(Chore.name == name, due).values(begun_at=moment))
    if not done.rowcount:  # type: ignore[attr-defined]
        # Two workers may be the first ever at the same moment.
        done = session.execute(_FIRST_TIME, {"name": name, "at": moment})
    return bool(done.rowcount)  # type: ignore[attr-defined]


def lock_chore(session: Session, name: str) -> None:
    """Lock this chore until the transaction ends."""
    session.scalar(select(Chore.name).where(Chore.name == name).with_for_update())
