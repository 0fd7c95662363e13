"""``GET /admin/audit``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Row

from app import problems
from app.audit import repository, service
from app.audit.models import AuditEntry
from app.course_data import audit_part
from app.http.authentication import AdminViewer
from app.http.sessions import ReadSession

router = APIRouter(prefix="/admin/audit", tags=["admin"], responses=problems.documented(401, 403, 422))


class AuditRow(BaseModel):
    """One change: actor, time, action and subject."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: dict[str, Any]
    hash: str


class AuditPage(BaseModel):
    """Entries, newest first. ``broken_at`` is the first entry that does not fit the chain."""

    items: list[AuditRow]
    next_before: int | None
    broken_at: int | None


@router.get("", responses=problems.documented(404))
def list_audit_entries(
    viewer: AdminViewer,
    session: ReadSession,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    course: Annotated[str | None, Query(max_length=16, description="Only what concerns this course.")] = None,
) -> AuditPage:
    """The audit log, with a check of its chain."""
    entries: Sequence[AuditEntry | Row[Any]]
    if course is None:
        entries = repository.latest(session, before=before, limit=limit)
    else:
        entries = audit_part.latest(session, course, before=before, limit=limit)
    return AuditPage(
        items=[AuditRow.model_validate(entry) for entry in entries],
        next_before=entries[-1].id if len(entries) == limit else None,
        broken_at=service.first_broken(session),
    )
