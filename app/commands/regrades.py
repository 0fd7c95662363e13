"""`assay regrades`: start, look at, publish and revert regrades. A worker of the service does the work."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing

import typer
from pydantic import ValidationError
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.commands import acting
from app.commands.configuration import settings
from app.commands.database import reading, writing
from app.commands.failures import UnusableInput
from app.commands.tables import emit
from app.queue.dbos_engine import DbosJobs
from app.regrades import service, sums
from app.regrades.models import Regrade
from app.regrades.schemas import RegradeView, RegradeWish

_Step = Callable[[Session, Viewer, uuid.UUID], Regrade]
_STEPS: dict[str, _Step] = {"publish": service.publish, "revert": service.revert, "cancel": service.cancel}


def start(slug: str, kind: str, questions: Sequence[str], where: Sequence[str], by: str, as_json: bool) -> None:
    """Start a regrade and print it. Raises `UnusableInput`."""
    try:
        condition = dict(pair.split("=", 1) for pair in where)
        wish = RegradeWish.model_validate(
            {"assignment": slug, "kind": kind, "questions": list(questions), "where": condition}
        )
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise UnusableInput("; ".join(faults)) from error
    except ValueError:
        raise UnusableInput("--where takes NAME=VALUE, such as verdict=needs_review") from None
    configured = settings()
    with writing(configured) as session, closing(DbosJobs(configured)) as jobs:
        regrade = service.create(session, jobs, acting.staff(session, by, slug), wish)
        _emit(service.view(session, regrade), as_json)


def show(regrade_id: str, as_json: bool) -> None:
    """Print a regrade and the changes that it makes."""
    with reading(settings()) as session:
        view = service.view(session, service.find(session, _id(regrade_id)))
        changed = service.changes(session, view.id)
        changes = [change.model_dump(mode="json") for change in changed]
    if as_json:
        typer.echo(json.dumps({**view.model_dump(mode="json"), "changes": changes}, ensure_ascii=False, indent=2))
        return
    _emit(view, as_json)
    totals = sums.of_changes(changed)
    mean = "" if totals.mean is None else f", mean {totals.mean:+.2f}"
    typer.echo(f"submissions by their points: {totals.up} up, {totals.down} down{mean}", err=True)
    emit(
        [
            {
                "student": change["student"],
                "question": change["question"],
                "from": _number(change["old"]),
                "to": _number(change["new"]),
                "reason": change["reason"],
            }
            for change in changes
        ],
        as_json,
    )


def list_all(as_json: bool) -> None:
    """Print the latest regrades."""
    with reading(settings()) as session:
        views = service.newest(session)
    if as_json:
        typer.echo(json.dumps([view.model_dump(mode="json") for view in views], ensure_ascii=False, indent=2))
    else:
        emit([_row(view) for view in views], as_json)


def step(regrade_id: str, name: str, by: str, as_json: bool) -> None:
    """Publish, revert or cancel a regrade, and print it."""
    with writing(settings()) as session:
        slug = service.find(session, _id(regrade_id)).slug
        regrade = _STEPS[name](session, acting.staff(session, by, slug), _id(regrade_id))
        _emit(service.view(session, regrade), as_json)


def _emit(view: RegradeView, as_json: bool) -> None:
    if as_json:
        typer.echo(view.model_dump_json(indent=2))
    else:
        emit([_row(view)], as_json)


def _row(view: RegradeView) -> dict[str, str | None]:
    return {
        "regrade": str(view.id),
        "assignment": f"{view.assignment} v{view.version}",
        "kind": view.kind.value,
        "state": view.state.value,
        "done": f"{view.done}/{view.total}",
        "changes": str(view.changed),
        "by": view.created_by,
    }


def _number(points: float | None) -> str | None:
    return None if points is None else f"{points:g}"


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise UnusableInput(f"{text!r} is not the number of a regrade; `assay regrades list` prints them") from None
