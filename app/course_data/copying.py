"""Copy a course for a next term: assignments, review items and saved comments, neither people nor scores."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.audit import service as audit
from app.auth.viewer import Viewer
from app.course_data import repository
from app.course_data.schemas import CopiedAssignment, CourseCopy
from app.courses import service as courses
from app.courses.schemas import CourseView, NewCourse
from app.drafts import editing
from app.scores.comments.models import SavedComment
from app.scores.models import ReviewItem
from grader.assignment import Assignment, Schedule, Tell, from_files
from grader.assignment_check import MAIN


def copy(session: Session, viewer: Viewer, source: str, new: NewCourse, *, shift_days: int | None = None) -> CourseCopy:
    """Create a course with the newest versions of the assignments of another one; drafts are left out.

    Dates move by a number of days, or are cleared. Raises `CourseNotFound`, `CourseTaken` or `NameTooLong`.
    """
    courses.find(session, source)
    course = courses.create(
        session, new.slug, new.title, actor=viewer.login, term=new.term, time_zone=new.time_zone, language=new.language
    )
    copied = CourseCopy(course=CourseView.of(course), assignments=[], review_items=0, saved_comments=0)
    for slug in repository.published_slugs(session, source):
        definition = assignments.current_definition(session, slug)
        moved = _moved(definition, shift_days)
        row = assignments.publish_version(session, moved, viewer.login, course.slug)
        copied.assignments.append(_copied(row.slug, definition.schedule, moved.schedule))
        for item in repository.review_items(session, slug):
            values = {name: getattr(item, name) for name in ("question", "text", "deduction", "key")}
            session.add(ReviewItem(slug=row.slug, **values))
            copied.review_items += 1
        for comment in repository.saved_comments(session, slug):
            session.add(SavedComment(slug=row.slug, question=comment.question, text=comment.text, by_id=viewer.user_id))
            copied.saved_comments += 1
    session.flush()
    audit.record(
        session, viewer.login, "course.copy", course.slug, source=source, shift_days=shift_days,
        assignments=[one.slug for one in copied.assignments], review_items=copied.review_items,
        saved_comments=copied.saved_comments,
    )  # fmt: skip
    return copied


def _moved(definition: Assignment, shift_days: int | None) -> Assignment:
    """The assignment with its dates moved by so many days, or without dates and what depends on them."""
    schedule, tells = definition.schedule, {question.number: question.tell for question in definition.questions}
    if schedule.opens is None and schedule.deadline is None:
        return from_files(definition.files)
    values = dict(schedule)
    if shift_days is not None:
        shift = timedelta(days=shift_days)
        values |= {name: values[name] and values[name] + shift for name in ("opens", "deadline")}
    else:
        values |= {"opens": None, "deadline": None, "grace_minutes": 0, "late": None}
        values["tell"] = _without_deadline(schedule.tell)
        tells = {number: _without_deadline(tell) for number, tell in tells.items()}
    text = editing.with_settings(definition, dict(definition.title), Schedule(**values), tells, definition.review, {})
    return from_files({**definition.files, MAIN: text})


def _without_deadline(tell: Tell | None) -> Tell | None:
    """When results are told without a deadline: never earlier than with one."""
    return Tell.WHEN_RELEASED if tell is Tell.AFTER_DEADLINE else tell


def _copied(slug: str, former: Schedule, schedule: Schedule) -> CopiedAssignment:
    had_dates, has_dates = (it.opens is not None or it.deadline is not None for it in (former, schedule))
    return CopiedAssignment(
        slug=slug, opens=schedule.opens, deadline=schedule.deadline, without_dates=had_dates and not has_dates
    )
