"""`assay course`: list, add, edit, archive, restore, copy, export, delete."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import typer
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from app.auth.viewer import Viewer
from app.commands.configuration import settings
from app.commands.database import check, reading, writing
from app.commands.failures import UnusableInput
from app.commands.tables import Row, emit
from app.course_data import copying, deletion, export
from app.course_data.schemas import NewCopy
from app.courses import repository, service
from app.courses.models import Course
from app.courses.schemas import CourseChange, NewCourse
from app.db.engine import Database
from app.problems import Problem
from app.users import service as users

_Model = TypeVar("_Model", bound=BaseModel)
_ACTOR = "assay course"


def list_all(as_json: bool) -> None:
    """Print every course."""
    with reading(settings()) as session:
        rows = [_row(course) for course in repository.every(session)]
    emit(rows, as_json)


def add(slug: str, title: str, term: str | None, time_zone: str | None, language: str | None, as_json: bool) -> None:
    """Add a course. Raises `UnusableInput`."""
    new = _valid(NewCourse, slug=slug, title=title, term=term, time_zone=time_zone, language=language)
    with writing(settings()) as session:
        course = service.create(
            session, new.slug, new.title, actor=_ACTOR, term=new.term, time_zone=new.time_zone, language=new.language
        )
        row = _row(course)
    emit([row], as_json)


def edit(
    slug: str, title: str | None, term: str | None, time_zone: str | None, language: str | None, as_json: bool
) -> None:
    """Change what is given. Raises `UnusableInput`."""
    change = _valid(CourseChange, title=title, term=term, time_zone=time_zone, language=language)
    with writing(settings()) as session:
        course = service.find(session, slug, lock=True)
        service.edit(session, course, change.changes(), actor=_ACTOR)
        row = _row(course)
    emit([row], as_json)


def archive(slug: str, as_json: bool) -> None:
    """Make a course read-only."""
    _change(slug, lambda session, course: service.archive(session, course, actor=_ACTOR), as_json)


def restore(slug: str, as_json: bool) -> None:
    """Let people work in a course again."""
    _change(slug, lambda session, course: service.restore(session, course, actor=_ACTOR), as_json)


def copy(
    source: str,
    slug: str,
    title: str,
    term: str | None,
    time_zone: str | None,
    language: str | None,
    shift_days: int | None,
    by: str,
    as_json: bool,
) -> None:
    """Copy a course, and print what was copied with its dates. Raises `UnusableInput`."""
    new = _valid(
        NewCopy, slug=slug, title=title, term=term, time_zone=time_zone, language=language, shift_days=shift_days
    )
    with writing(settings()) as session:
        viewer = Viewer.of(users.find(session, by))
        if not viewer.is_admin:
            raise UnusableInput(f"{by} is no admin; --by names the admin who copies the course")
        copied = copying.copy(session, viewer, source, new, shift_days=new.shift_days)
    if as_json:
        typer.echo(copied.model_dump_json(indent=2))
        return
    rows: list[Row] = [
        {
            "assignment": one.slug,
            "opens": one.opens.isoformat() if one.opens else None,
            "deadline": one.deadline.isoformat() if one.deadline else None,
            "dates": "cleared" if one.without_dates else None,
        }
        for one in copied.assignments
    ]
    emit(rows, as_json=False)
    typer.echo(f"{copied.review_items} review items and {copied.saved_comments} saved comments copied", err=True)


def export_course(slug: str, out: Path, language: str) -> None:
    """Write the archive of a course. Raises `UnusableInput`."""
    configured = settings()
    check(configured)
    database = Database(configured)
    try:
        with out.open("xb") as file:
            try:
                export.write(database, slug, file, language, actor=_ACTOR)
            except Problem as problem:
                out.unlink()
                raise UnusableInput(problem.detail) from problem
    except OSError as error:
        raise UnusableInput(f"cannot write {out}: {error.strerror}") from error
    finally:
        database.close()
    typer.echo(f"{out}: {out.stat().st_size:,} bytes", err=True)


def delete(slug: str, confirmation: str | None, as_json: bool) -> None:
    """Delete a course, or say what would be deleted. Raises `UnusableInput`."""
    with writing(settings()) as session:
        planned = deletion.plan(session, slug)
        if confirmation is not None:
            if confirmation != slug:
                raise UnusableInput(f"--yes names {confirmation}, not {slug}; nothing was deleted")
            deletion.delete(session, slug, confirmation, actor=_ACTOR)
        obstacle = None if confirmation is not None else deletion.obstacle(session, slug)
    row: dict[str, str | None] = {name: str(value) for name, value in planned.model_dump().items()}
    emit([{**row, "deleted": "no" if confirmation is None else "yes"}], as_json)
    if confirmation is None:
        typer.echo(obstacle or f"nothing was deleted; --yes {slug} deletes all of it for good", err=True)


def _change(slug: str, step: Callable[[Session, Course], None], as_json: bool) -> None:
    with writing(settings()) as session:
        course = service.find(session, slug, lock=True)
        step(session, course)
        row = _row(course)
    emit([row], as_json)


def _valid(model: type[_Model], **values: Any) -> _Model:
    """The values that were given, as a model. Raises `UnusableInput` that names each wrong one."""
    try:
        return model.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        faults = (f"{fault['loc'][0]}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors())
        raise UnusableInput("; ".join(faults)) from error


def _row(course: Course) -> Row:
    return {
        "course": course.slug,
        "title": course.title,
        "term": course.term or None,
        "time_zone": course.time_zone,
        "language": course.language,
        "archived_at": course.archived_at.isoformat(timespec="minutes") if course.archived_at else None,
    }
