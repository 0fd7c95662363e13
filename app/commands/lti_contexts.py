"""`assay lti contexts`, `link`, `unlink`: the courses of a platform, and the courses here that they are linked to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from app import lti
from app.commands.configuration import settings
from app.commands.database import reading, writing
from app.commands.failures import Refused, UnusableInput
from app.commands.tables import Row, emit

if TYPE_CHECKING:
    from app.lti.models import Context, Platform

_Change = Callable[[Session, "Platform", str], "Context"]


def list_all(name: str, as_json: bool) -> None:
    """Print the courses of a platform."""
    _require_extra()
    from app.lti import registration, repository

    with reading(settings()) as session:
        platform = registration.find(session, name)
        rows = [_row(context) for context in repository.contexts(session, platform.id)]
    emit(rows, as_json)


def link(name: str, context_id: str, course: str, deployment: str | None, as_json: bool) -> None:
    """Link a course of a platform. Raises `UnusableInput` for one that is linked to another course."""
    from app.lti import contexts

    def change(session: Session, platform: Platform, of: str) -> Context:
        row = contexts.find_by_id(session, platform, of, context_id)
        if row is not None and row.course not in (None, course):
            raise UnusableInput(f"{context_id} is linked to {row.course}; unlink it first")
        if row is None or row.course is None:
            row = contexts.link_new(session, platform, of, context_id, course, actor="assay lti link")
        return row

    _changed(name, deployment, change, as_json)


def unlink(name: str, context_id: str, deployment: str | None, as_json: bool) -> None:
    """Refuse further launches from a course of a platform. Raises `UnusableInput` for one that is not linked."""
    from app.lti import contexts

    def change(session: Session, platform: Platform, of: str) -> Context:
        row = contexts.find_by_id(session, platform, of, context_id)
        if row is None or row.course is None:
            raise UnusableInput(f"{context_id} is not linked; `assay lti contexts {name}` shows what is")
        contexts.unlink(session, platform, row, row.course, actor="assay lti unlink")
        return row

    _changed(name, deployment, change, as_json)


def _changed(name: str, deployment: str | None, change: _Change, as_json: bool) -> None:
    """Make a change and print the context."""
    _require_extra()
    from app.lti import registration

    with writing(settings()) as session:
        platform = registration.find(session, name)
        if deployment is None and len(platform.deployments) != 1:
            raise UnusableInput(
                f"{name} has several deployments; --deployment is one of {', '.join(platform.deployments)}"
            )
        row = _row(change(session, platform, deployment or platform.deployments[0]))
    emit([row], as_json)


def _require_extra() -> None:
    if not lti.is_installed():
        raise Refused(lti.MISSING)


def _row(row: Context) -> Row:
    return {"context": row.context_id, "title": row.title or None, "deployment": row.deployment, "course": row.course}
