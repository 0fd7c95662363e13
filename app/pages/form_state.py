"""The state of a form, and what its page says of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from app.api.assignments import AssignmentView
from app.auth.viewer import Viewer
from app.db.base import now
from app.pages import starting_point, submission_form
from app.pages.form_content import FormContent
from app.pages.preview import Preview
from app.problems import Problem
from app.reports.schemas import SubmissionRow
from app.submissions import submitting
from app.submissions.extensions import service as extensions
from app.submissions.parts import Field
from grader import lateness
from grader.assignment import Assignment
from grader.lateness import Lateness


@dataclass
class FormState:
    """A form as its page shows it again: the fields of the request, and the problem or preview of them.

    ``attempt`` is the number of the attempt from which the form starts, ``edited`` its part that is edited in place.
    """

    fields: dict[str, Field] = field(default_factory=dict)
    content: FormContent = field(default_factory=FormContent)
    attempt: int | None = None
    edited: str | None = None
    problem: Problem | None = None
    preview: Preview | None = None

    @property
    def typed(self) -> dict[str, str]:
        """The texts that the page fills in again."""
        return submission_form.typed(self.fields)


@dataclass(frozen=True)
class Deadline:
    """This student's deadline as it is now: the end of its grace, and how late a submission would be."""

    due: datetime | None
    grace_end: datetime | None
    late: Lateness | None

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed, with or without a grace."""
        return self.due is not None and now() > self.due


def preview_context(
    session: Session, viewer: Viewer, assignment: Assignment, state: FormState, tag: str
) -> dict[str, Any]:
    """What the page says of the content of a form."""
    return {
        "form": submission_form.build(assignment, tag),
        "typed": state.typed,
        "preview": state.preview,
        "content": state.content,
        "start_attempt": state.attempt,
        "deadline": _deadline(session, viewer, assignment),
    }


def form_context(
    session: Session,
    viewer: Viewer,
    assignment: Assignment,
    view: AssignmentView,
    history: Sequence[SubmissionRow],
    state: FormState,
    tag: str,
) -> dict[str, Any]:
    """What the page of an assignment says of its form. ``history`` are the viewer's attempts, newest first."""
    start = None
    if state.attempt is not None:
        start = starting_point.find(session, viewer, assignment, state.attempt, state.edited)
    context = preview_context(session, viewer, assignment, state, tag)
    if start is not None and not state.fields:
        context["typed"] = {**_first_typed(start.answers), **start.texts}
    return {
        **context,
        "once": secrets.token_urlsafe(12),
        "start": start,
        "next_attempt": history[0].attempt + 1 if history else 1,
        "is_returned": bool(state.fields),
        "has_content": not isinstance(state.problem, submitting.NothingSubmitted),
        **_times(view),
    }


def _first_typed(answers: Mapping[str, str]) -> dict[str, str]:
    return {f"{submission_form.ANSWER}{number}": answer for number, answer in answers.items()}


def _deadline(session: Session, viewer: Viewer, assignment: Assignment) -> Deadline:
    schedule = assignment.schedule
    extended_to = extensions.deadline(session, assignment.slug, viewer.user_id)
    due = lateness.due(schedule, extended_to)
    grace_end = due + timedelta(minutes=schedule.grace_minutes) if due is not None else None
    return Deadline(due, grace_end, lateness.lateness(schedule, now(), extended_to))


def _times(assignment: AssignmentView) -> dict[str, Any]:
    """This viewer's deadlines, and whether the assignment is open now."""
    due = getattr(assignment, "due", assignment.deadline)
    closes = getattr(assignment, "closes", due)
    moment = now()
    return {
        "due": due,
        "closes": closes,
        "closed": closes is not None and closes < moment,
        "not_open": assignment.opens is not None and moment < assignment.opens,
    }
