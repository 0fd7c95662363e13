"""How far the reviews of a class are, by question and by whom."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.scores import progress_repository as repository
from app.scores.class_records import ClassSnapshot


@dataclass(frozen=True)
class QuestionProgress:
    """The results of one question that need a person, in the attempts that count: ``by`` has who reviewed how many."""

    number: str
    total: int
    by: Mapping[str, int]

    @property
    def reviewed(self) -> int:
        """The number of results that somebody confirmed or set by hand."""
        return sum(self.by.values())


def of_class(session: Session, snapshot: ClassSnapshot) -> list[QuestionProgress]:
    """The progress of each question with results that need, or needed, a person."""
    counting = {
        ((cell.source or attempt).submission, number)
        for attempt in snapshot.graded
        for number, cell in attempt.cells.items()
    }
    totals: Counter[str] = Counter()
    by: dict[str, Counter[str]] = defaultdict(Counter)
    for row in repository.reviews(session, snapshot.assignment.slug):
        if (row.submission_id, row.question) in counting:
            totals[row.question] += 1
            if row.login is not None:
                by[row.question][row.login] += 1
    numbers = [question.number for question in snapshot.assignment.questions]
    return [
        QuestionProgress(number, totals[number], dict(by[number].most_common())) for number in numbers if totals[number]
    ]
