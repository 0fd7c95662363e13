"""The audit log: who did what, with names, filters, and links to what each entry is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.audit import redaction, repository
from app.audit import service as audit
from app.audit.models import AuditEntry
from app.http.authentication import AdminViewer
from app.http.sessions import ReadSession
from app.pages import rendering
from app.users import repository as users

router = APIRouter(prefix="/admin/audit")
_ROWS = 100
_PLACES = {
    "submission": "/submissions/",
    "override": "/submissions/",
    "regrade_request": "/submissions/",
    "regrade": "/admin/regrades/",
}
_OF_STUDENTS = ("extension", "excusal", "attempts", "note")


@router.get("")
def audit_log(
    request: Request,
    viewer: AdminViewer,
    session: ReadSession,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    actor: Annotated[str, Query(max_length=80)] = "",
    action: Annotated[str, Query(max_length=80)] = "",
    subject: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """The audit log, newest first, and whether its chain is whole."""
    filters = {"actor": actor.strip(), "action": action, "subject": subject.strip()}
    entries = repository.latest(session, before=before, limit=_ROWS, **filters)
    last = entries[-1].id if len(entries) == _ROWS else None
    logins = {part for entry in entries for part in (entry.actor, *entry.subject.split("/"))}
    names = {user.login: user.name for user in users.with_logins(session, logins)}
    return rendering.page(
        request,
        "admin_audit.html",
        viewer=viewer,
        entries=[(entry, _place(entry, names)) for entry in entries],
        names=names,
        filters=filters,
        actions=repository.actions(session),
        more=urlencode({**{name: value for name, value in filters.items() if value}, "before": last}) if last else None,
        broken=audit.first_broken(session),
        deletions=len(repository.entries_of(session, redaction.ACTION)),
    )


def _place(entry: AuditEntry, names: Mapping[str, str]) -> str | None:
    """The address of what an entry is about, if it has a page."""
    kind, (first, *rest) = entry.action.partition(".")[0], entry.subject.split("/")
    if kind in _PLACES:
        return _PLACES[kind] + quote(first, safe="")
    if kind in _OF_STUDENTS and rest and rest[0] in names:
        return f"/dashboard/{quote(first)}/students/{quote(rest[0], safe='')}"
    if kind == "scores":
        return f"/dashboard/{quote(first)}/release"
    if kind == "assignment":
        return "/admin/assignments"
    return f"/admin/people/{quote(entry.subject, safe='')}" if entry.subject in names else None
