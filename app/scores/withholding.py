"""The results that students do not read yet. `grader.telling.is_told` decides; this module reads what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from app.assignments import service as assignments
from app.db.base import now
from app.scores.releases import repository as releases
from app.submissions.extensions import repository as extensions
from grader import lateness, telling
from grader.assignment import Assignment, Tell
from grader.telling import TellingTimes


def withheld(
    session: Session, assignment: Assignment, *, is_staff: bool, moment: datetime | None = None
) -> Mapping[str, Tell]:
    """The questions of a version whose results a reader does not read at a moment, by default now, and why.

    The newest version of the assignment has the rule and the deadline that apply to a question, also for submissions to
    older versions; a question that it dropped keeps its last rule.
    """
    if is_staff:
        return {}
    newest = assignments.current_definition(session, assignment.slug)
    rules = {
        question.number: telling.rule(version, question)
        for version in (assignment, newest)
        for question in version.questions
    }
    if all(rule is Tell.AT_ONCE for rule in rules.values()):
        return {}
    times = telling_times(session, newest)
    moment = moment or now()
    return {
        number: rule for number, rule in rules.items() if not telling.is_told(rule, times, moment, is_staff=is_staff)
    }


def withheld_in_class(session: Session, slug: str) -> frozenset[str]:
    """The questions of every version of an assignment whose results students do not read now."""
    versions = map(assignments.definition, assignments.versions(session, slug))
    return frozenset(number for version in versions for number in withheld(session, version, is_staff=False))


def telling_times(session: Session, newest: Assignment) -> TellingTimes:
    """The times that decide when students read the results of an assignment, by its newest version."""
    release = releases.get(session, newest.slug)
    closes = lateness.closes(newest.schedule, extensions.latest(session, newest.slug))
    return TellingTimes(closes, release.at if release is not None else None)
