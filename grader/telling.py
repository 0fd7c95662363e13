"""When a reader reads the result of a question: only `is_told` decides. No I/O and no clock.

A result that a student reads at once invites guesses: a choice of two is found out with two attempts. So ``tell`` in
``assignment.toml`` says when students read it. Where the best attempt counts, it is chosen without such questions, or
the choice of the attempt would tell the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from grader.assignment import Assignment, Question, Tell
from grader.checks import registry
from grader.evidence import Note


@dataclass(frozen=True)
class TellingTimes:
    """The last moment at which any student may submit, and the release of scores by staff; ``None``: there is none."""

    closes: datetime | None = None
    released_at: datetime | None = None


def rule(assignment: Assignment, question: Question) -> Tell:
    """When students read the result of a question of this assignment."""
    told = question.tell or assignment.schedule.tell
    if told is not None:
        return told
    waits = assignment.schedule.deadline is not None and registry.of(question).is_guessable
    return Tell.AFTER_DEADLINE if waits else Tell.AT_ONCE


def is_told(rule: Tell, times: TellingTimes, moment: datetime, *, is_staff: bool) -> bool:
    """Whether a reader reads the result of a question with this rule at this moment."""
    if is_staff or rule is Tell.AT_ONCE:
        return True
    if rule is Tell.AFTER_DEADLINE:
        return times.closes is None or moment > times.closes
    return times.released_at is not None and moment >= times.released_at


def told_later(assignment: Assignment) -> frozenset[str]:
    """The questions whose result is not told at once. The best attempt is chosen without them, at any time."""
    questions = assignment.questions
    return frozenset(question.number for question in questions if rule(assignment, question) is not Tell.AT_ONCE)


def message(rule: Tell) -> Note:
    """What a student reads in the place of a result that is told later."""
    return Note(id="withheld.after_deadline" if rule is Tell.AFTER_DEADLINE else "withheld.until_released")
