"""SQL of the workers' tables."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from app.db.base import now
from app.jobs.models import Chore, GraderVersion, WorkerRow


def find(session: Session, executor: str) -> WorkerRow | None:
    """The row of a worker."""
    return session.get(WorkerRow, executor)


def beat(session: Session, executor: str, boot: str) -> bool:
    """Say that the worker lives. False when the row belongs to another process now."""
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


def claim_dead(session: Session, *, silent_seconds: float) -> list[str]:
    """The executors that stopped or fell silent, each given to one caller only.

    A claim that led to nothing, because its holder died too, lapses after the same time.
    """
    moment = now()
    silent = moment - timedelta(seconds=silent_seconds)
    dead = select(WorkerRow.executor).where(
        or_(WorkerRow.stopped_at.is_not(None), WorkerRow.beat_at < silent),
        or_(WorkerRow.reaped_at.is_(None), WorkerRow.reaped_at < silent),
    )
    return [executor for executor in session.scalars(dead) if _claim(session, executor, moment, silent)]


def _claim(session: Session, executor: str, moment: datetime, silent: datetime) -> bool:
    done = session.execute(
        update(WorkerRow)
        .where(
            WorkerRow.executor == executor,
            or_(WorkerRow.stopped_at.is_not(None), WorkerRow.beat_at < silent),
            or_(WorkerRow.reaped_at.is_(None), WorkerRow.reaped_at < silent),
        )
        .values(reaped_at=moment)
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


def see_version(session: Session, version: str) -> None:
    """Remember that a process of this version has started."""
    session.merge(GraderVersion(version=version, seen_at=now()))


def versions(session: Session) -> dict[str, datetime]:
    """Every version that ever ran, and when a process of it started last."""
    return dict(session.execute(select(GraderVersion.version, GraderVersion.seen_at)).all())


def claim_chore(session: Session, name: str, *, every_seconds: float) -> bool:
    """Whether it is the caller's turn: true for one caller only, and not again before the time is over."""
    moment = now()
    due = Chore.begun_at <= moment - timedelta(seconds=every_seconds)
    done = session.execute(update(Chore).where(Chore.name == name, due).values(begun_at=moment))
    if done.rowcount:  # type: ignore[attr-defined]
        return True
    if session.get(Chore, name) is not None:
        return False
    session.add(Chore(name=name, begun_at=moment))
    session.flush()
    return True
