"""Fill the points of a class into a gradebook that Canvas exported."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.exports import canvas
from app.exports.canvas_file import GradebookError, PointsDiffer
from app.problems import Unprocessable
from app.scores import class_repository, service
from app.scores.table import ClassTable
from app.submissions.models import State


class GradebookUnusable(Unprocessable):
    """The file is not a gradebook export that can be filled."""

    slug = "gradebook-unusable"


class GradebookPointsDiffer(GradebookUnusable):
    """The column has other points than the assignment. `possible` are the column's, `max_score` the assignment's."""

    slug = "gradebook-points"


def fill_class(
    session: Session, slug: str, data: bytes, column: str | None, *, scale: bool, section: str | None = None
) -> tuple[bytes, canvas.Preview]:
    """The file with the scores of a class or of a ``section`` as its students read them, and its changes.

    Without a ``column``, the one with a title of the assignment, or its slug, is filled. Raises `GradebookUnusable`
    with the columns, `AssignmentNotFound` and `SectionNotFound`.
    """
    current = assignments.definition(assignments.current(session, slug))
    wanted = [column] if column else [*dict.fromkeys((*current.title.values(), current.slug))]
    table = service.class_table(session, slug, for_students=True)
    unfinished = class_repository.unfinished_logins(session, slug)
    return fill(table, data, wanted, scale=scale, unfinished=unfinished, section=section)


def fill(
    table: ClassTable,
    data: bytes,
    wanted: Sequence[str],
    *,
    scale: bool = False,
    unfinished: Collection[str] = (),
    section: str | None = None,
) -> tuple[bytes, canvas.Preview]:
    """The file with the points of graded attempts, and its changes. Raises `GradebookUnusable` with the columns.

    ``unfinished`` are the logins of students with an attempt that is being graded. With a ``section`` the rows of all
    others stay; raises `SectionNotFound`.
    """
    chosen = {row.student for row in table.of_section(section).rows}
    students = [
        canvas.StudentScore(
            row.student,
            row.student_id,
            row.score if row.state is State.GRADED else None,
            is_provisional=row.state is State.GRADED and row.needs_review,
            is_unfinished=not row.excused and (row.state not in (None, State.GRADED) or row.student in unfinished),
            is_excused=row.excused,
            is_left_out=row.student not in chosen,
        )
        for row in table.rows
    ]
    try:
        return canvas.fill(data, students, wanted, table.max_score, scale=scale)
    except PointsDiffer as error:
        raise GradebookPointsDiffer(
            str(error), columns=error.columns, possible=error.possible, max_score=table.max_score
        ) from None
    except GradebookError as error:
        raise GradebookUnusable(str(error), columns=error.columns) from None
