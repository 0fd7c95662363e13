"""What students of an assignment read now, and what a release lets them read or a withdrawal takes away."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy.orm import Session

from app import language
from app.db.base import now
from app.scores import withholding
from app.scores.class_records import WITHOUT_RESULT, ClassSnapshot
from app.scores.releases import repository
from app.submissions.extensions import repository as extensions
from grader import lateness, telling
from grader.assignment import Tell
from grader.scoring import Verdict


class QuestionState(BaseModel):
    """A question: when students read its result (``tell``), and whether they do now (``told``).

    ``students`` have a result, in the attempts that count; ``verdicts`` counts these results, of which those with
    points by hand are ``overridden``.
    """

    number: str
    title: str
    tell: Tell
    told: bool
    students: int
    verdicts: dict[Verdict, int]
    overridden: int


class ReleaseState(BaseModel):
    """An assignment: the release of its results, if there is one, and its questions.

    ``closes`` is the last moment at which any student may still submit, which "after the deadline" waits for;
    ``last_extension`` is the student whose extension decides it. ``students`` have a graded attempt, so they read what
    is told.
    """

    assignment: str
    released_at: datetime | None
    released_by: str | None
    closes: datetime | None
    last_extension: str | None
    students: int
    questions: list[QuestionState]

    def numbers(self, tell: Tell, *, told: bool) -> list[str]:
        """The questions with this rule whose results are told, or are not."""
        return [question.number for question in self.questions if question.tell is tell and question.told is told]

    @property
    def released_questions(self) -> list[QuestionState]:
        """The questions that a release is for."""
        return [question for question in self.questions if question.tell is Tell.WHEN_RELEASED]


def of_class(session: Session, snapshot: ClassSnapshot, tag: str) -> ReleaseState:
    """The state of a class, with titles in a language."""
    assignment, release = snapshot.assignment, repository.get(session, snapshot.assignment.slug)
    times, moment = withholding.telling_times(session, assignment), now()
    last = extensions.last(session, assignment.slug)
    is_extended = last is not None and times.closes != lateness.closes(assignment.schedule, None)
    # Excused students read their results too.
    graded = [attempt for standing in snapshot.standings if (attempt := standing.graded_attempt) is not None]
    questions = []
    for question in assignment.questions:
        rule = telling.rule(assignment, question)
        cells = [cell for attempt in graded if (cell := attempt.cells.get(question.number)) is not None]
        results = [cell for cell in cells if cell.verdict not in WITHOUT_RESULT]
        questions.append(
            QuestionState(
                number=question.number,
                title=language.text(question.title, tag),
                tell=rule,
                told=telling.is_told(rule, times, moment, is_staff=False),
                students=len(results),
                verdicts=dict(Counter(cell.verdict for cell in results)),
                overridden=sum(cell.overridden for cell in results),
            )
        )
    return ReleaseState(
        assignment=assignment.slug,
        released_at=release.at if release is not None else None,
        released_by=release.by.login if release is not None and release.by is not None else None,
        closes=times.closes,
        last_extension=last.user.login if last is not None and is_extended else None,
        students=len(graded),
        questions=questions,
    )
