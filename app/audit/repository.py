"""SQL of the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Row, select, text, update
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry

_LOCK = 0x6175646974


def lock_chain(session: Session) -> None:
    """Let no other transaction append an entry until this one ends. SQLite's writers wait for each other anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def last_hash(session: Session) -> str | None:
    """The hash of the last entry; ``None`` for an empty log."""
    return session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1))


def entries(session: Session) -> Iterator[Row[Any]]:
    """The columns of all entries, the first one first. Read in blocks: a term has tens of thousands of entries."""
    query = select(*AuditEntry.__table__.columns).order_by(AuditEntry.id).execution_options(yield_per=1000)
    with session.execute(query) as rows:
        yield from rows


def entries_of(session: Session, action: str) -> list[AuditEntry]:
    """The entries with this action, the first one first."""
    return list(session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def rewrite(session: Session, entry_id: int, values: Mapping[str, Any]) -> None:
    """Replace columns of an entry, and keep its hash."""
    session.execute(update(AuditEntry).where(AuditEntry.id == entry_id).values(values))


def actions(session: Session) -> list[str]:
    """Every action that the log has, by name."""
    return list(session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)))


def latest(
    session: Session, *, before: int | None = None, limit: int, actor: str = "", action: str = "", subject: str = ""
) -> list[AuditEntry]:
    """The newest entries first; with ``before`` only entries with a smaller id.

    ``actor`` and ``action`` are whole, ``subject`` is a part of the entry's.
    """
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    if actor:
        query = query.where(AuditEntry.actor == actor)
    if action:
        query = query.where(AuditEntry.action == action)
    if subject:
        query = query.where(AuditEntry.subject.contains(subject, autoescape=True))
    return list(session.scalars(query))
