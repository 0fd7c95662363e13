"""Appending to the audit log and checking its chain of hashes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from app.audit import redaction, repository
from app.audit.models import AuditEntry
from app.db.base import now

_START = "0" * 64


def record(session: Session, actor: str, action: str, subject: str, **detail: Any) -> AuditEntry:
    """Append an entry in the caller's transaction. ``detail`` must be JSON data."""
    repository.lock_chain(session)
    prev_hash = repository.last_hash(session) or _START
    entry = AuditEntry(at=now(), actor=actor, action=action, subject=subject, detail=detail, prev_hash=prev_hash)
    entry.hash = _hash(entry)
    session.add(entry)
    session.flush()
    return entry


def first_broken(session: Session) -> int | None:
    """The id of the first entry that does not fit the chain, or ``None`` when the chain is whole.

    Of an entry that a later deletion of a person's data has redacted, only its place in the chain is checked.
    """
    redacted = {
        identifier
        for deletion in repository.entries_of(session, redaction.ACTION)
        for identifier in deletion.detail.get("entries", [])
        if identifier < deletion.id
    }
    prev_hash = _START
    for entry in repository.entries(session):
        if entry.prev_hash != prev_hash or (entry.hash != _hash(entry) and entry.id not in redacted):
            broken: int = entry.id
            return broken
        prev_hash = entry.hash
    return None


def _hash(entry: AuditEntry | Row[Any]) -> str:
    content = [entry.prev_hash, entry.at.isoformat(), entry.actor, entry.action, entry.subject, entry.detail]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
