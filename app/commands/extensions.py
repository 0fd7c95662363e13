"""`assay extensions`: later deadlines of single students."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from app.assignments import service as assignments
from app.commands import acting
from app.commands.configuration import settings
from app.commands.database import reading, writing
from app.commands.failures import UnusableInput
from app.commands.tables import Row, emit
from app.submissions.extensions import repository, service
from app.submissions.extensions.models import Extension


def list_all(slug: str, as_json: bool) -> None:
    """Print every extension of an assignment."""
    with reading(settings()) as session:
        assignments.current(session, slug)
        rows = [_row(row) for row in repository.of_assignment(session, slug)]
    emit(rows, as_json)


def grant(slug: str, logins: Sequence[str], until: str, reason: str, by: str, as_json: bool) -> None:
    """Give these students a later deadline, all of them or none. Raises `UnusableInput`."""
    deadline = _moment(until)
    with writing(settings()) as session:
        viewer = acting.staff(session, by, slug)
        rows = [_row(service.grant(session, viewer, slug, login, deadline, reason)) for login in logins]
    emit(rows, as_json)


def remove(slug: str, logins: Sequence[str], by: str, as_json: bool) -> None:
    """Remove the extensions of these students, all of them or none, and print what is left."""
    with writing(settings()) as session:
        viewer = acting.staff(session, by, slug)
        for login in logins:
            service.remove(session, viewer, slug, login)
        rows = [_row(row) for row in repository.of_assignment(session, slug)]
    emit(rows, as_json)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UnusableInput(f"{text!r} is no date and time; write it as 2026-12-24T23:59+08:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _row(row: Extension) -> Row:
    deadline = row.deadline.astimezone(UTC).isoformat(timespec="minutes")
    return {"student": row.user.login, "deadline": deadline, "by": row.by.login, "reason": row.reason}
