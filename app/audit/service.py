"""Writing and checking the audit chain."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from app.audit.models import AuditEntry
from app.db.base import now

_START = "0" * 64
_LOCK = 0x6175646974


def record(session: Session, actor: str, action: str, subject: str, **detail: Any) -> AuditEntry:
    """Append an entry in the caller's transaction. ``detail`` must be JSON data."""
    if session.get_bind().dialect.name == "postgresql":
        # Two transactions must not seal over the same last entry; SQLite's writers already wait for each other.
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    last = session.scalar(select(AuditEntry.hash).order_by(AuditEntry.id.desc()).limit(1)) or _START
    entry = AuditEntry(at=now(), actor=actor, action=action, subject=subject, detail=detail, prev_hash=last)
    entry.hash = _seal(entry)
    session.add(entry)
    session.flush()
    return entry


def first_broken(session: Session) -> int | None:
    """The id of the first entry that does not fit the chain, or ``None`` when it is whole."""
    last = _START
    # Columns without the objects around them, some at a time: a term has ten thousands.
    query = select(*AuditEntry.__table__.columns).order_by(AuditEntry.id).execution_options(yield_per=1000)
    with session.execute(query) as entries:
        for entry in entries:
            if entry.prev_hash != last or entry.hash != _seal(entry):
                broken: int = entry.id
                return broken
            last = entry.hash
    return None


def latest(session: Session, *, before: int | None, limit: int) -> list[AuditEntry]:
    """The newest entries first, those older than the entry ``before`` when given."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return list(session.scalars(query))


def _seal(entry: AuditEntry | Row[Any]) -> str:
    content = [entry.prev_hash, entry.at.isoformat(), entry.actor, entry.action, entry.subject, entry.detail]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
