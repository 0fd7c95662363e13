"""The class table with one row for each student, and its statistics."""

from __future__ import annotations

import csv
import io
import statistics as stats
import uuid
from collections import Counter
from collections.abc import Collection
from datetime import datetime

from pydantic import BaseModel

from app.scores.class_records import Attempt, Cell, StudentStanding
from app.submissions.models import State
from grader.assignment import Assignment
from grader.scoring import Verdict

_BINS = 10
_TEXT_COLUMNS = (
    "login", "name", "student_id", "submission", "attempt", "submitted_at", "state", "needs_review", "late_days",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class QuestionCell(BaseModel):
    """One question of one student.

    ``submission`` is the one of its result, ``late_days`` how late that was. Where the best attempt counts,
    a result that is told later comes from the latest submission that contains an answer. ``overridden`` points were set
    by a person; ``confirmed`` ones were computed, and checked by a person.
    """

    score: float | None
    max_score: float
    verdict: Verdict
    overridden: bool
    confirmed: bool
    submission: uuid.UUID
    late_days: int

    @classmethod
    def of(cls, cell: Cell, attempt: Attempt) -> QuestionCell:
        """A cell of the attempt that counts."""
        source = cell.source or attempt
        return cls(
            score=None if cell.verdict is Verdict.WITHHELD else cell.score,
            max_score=cell.max_score,
            verdict=cell.verdict,
            overridden=cell.overridden,
            confirmed=cell.confirmed,
            submission=source.submission,
            late_days=source.late.days if source.late else 0,
        )


class StudentRow(BaseModel):
    """One student and the attempt that counts; without one, ``submission`` and its fields are null.

    A ``late`` attempt came ``late_days`` begun days after the student's deadline; ``score`` is after the deduction.
    """

    student: str
    name: str
    student_id: str | None
    submission: uuid.UUID | None
    attempt: int | None
    submitted_at: datetime | None
    state: State | None
    score: float | None
    max_score: float
    needs_review: bool
    late: bool
    late_days: int
    questions: dict[str, QuestionCell]

    @classmethod
    def of(cls, standing: StudentStanding, assignment: Assignment, withheld: Collection[str] = ()) -> StudentRow:
        """The row of a student, with the attempt that counts if there is one; without the ``withheld`` results."""
        attempt = standing.counting.told(withheld) if standing.counting else None
        return cls(
            student=standing.login,
            name=standing.name,
            student_id=standing.student_id,
            submission=attempt.submission if attempt else None,
            attempt=attempt.number if attempt else None,
            submitted_at=attempt.submitted_at if attempt else None,
            state=attempt.state if attempt else None,
            score=attempt.score if attempt else None,
            max_score=assignment.max_score,
            needs_review=attempt.needs_review if attempt else False,
            late=attempt is not None and attempt.late is not None,
            late_days=attempt.late.days if attempt and attempt.late else 0,
            questions={number: QuestionCell.of(cell, attempt) for number, cell in attempt.cells.items()}
            if attempt
            else {},
        )


class ClassTable(BaseModel):
    """All students of an assignment."""

    assignment: str
    questions: list[str]
    max_score: float
    rows: list[StudentRow]

    def csv(self) -> str:
        """The table for a spreadsheet: no cell starts a formula, and points are empty without a submission."""
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow([*_TEXT_COLUMNS, *self.questions, "score", "max_score"])
        for row in self.rows:
            texts = [
                row.student,
                row.name,
                row.student_id or "",
                str(row.submission or ""),
                str(row.attempt or ""),
                row.submitted_at.isoformat() if row.submitted_at else "",
                row.state.value if row.state else "",
                "yes" if row.needs_review else "no",
                str(row.late_days),
            ]
            points = [row.questions[number].score if number in row.questions else "" for number in self.questions]
            total = "" if row.score is None else row.score
            writer.writerow([*map(escape_formula, texts), *points, total, row.max_score])
        return out.getvalue()


def escape_formula(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell


class Bin(BaseModel):
    """How many students have from ``low`` up to ``high`` points; the last bin includes its end."""

    low: float
    high: float
    count: int


class QuestionStatistics(BaseModel):
    """One question over all graded students."""

    number: str
    max_score: float
    mean: float | None
    verdicts: dict[Verdict, int]


class Statistics(BaseModel):
    """Statistics of the graded attempts of a class. Points are null while there are none."""

    assignment: str
    students: int
    handed_in: int
    graded: int
    needs_review: int
    max_score: float
    mean: float | None
    median: float | None
    lowest: float | None
    highest: float | None
    deviation: float | None
    histogram: list[Bin]
    questions: list[QuestionStatistics]


def statistics(table: ClassTable) -> Statistics:
    """The numbers of a class table. ``deviation`` is the population's standard deviation."""
    graded = [row for row in table.rows if row.state is State.GRADED]
    totals = [row.score for row in graded if row.score is not None]
    return Statistics(
        assignment=table.assignment,
        students=len(table.rows),
        handed_in=sum(row.submission is not None for row in table.rows),
        graded=len(graded),
        needs_review=sum(row.needs_review for row in graded),
        max_score=table.max_score,
        mean=_rounded(stats.fmean(totals)) if totals else None,
        median=_rounded(stats.median(totals)) if totals else None,
        lowest=min(totals, default=None),
        highest=max(totals, default=None),
        deviation=_rounded(stats.pstdev(totals)) if totals else None,
        histogram=_histogram(totals, table.max_score),
        questions=[_question(number, graded) for number in table.questions],
    )


def _histogram(totals: list[float], max_score: float) -> list[Bin]:
    width = max_score / _BINS
    counts = Counter(min(int(total / width), _BINS - 1) for total in totals) if width else Counter[int]()
    return [
        Bin(low=_rounded(index * width), high=_rounded((index + 1) * width), count=counts[index])
        for index in range(_BINS)
    ]


def _question(number: str, graded: list[StudentRow]) -> QuestionStatistics:
    cells = [row.questions[number] for row in graded if number in row.questions]
    return QuestionStatistics(
        number=number,
        max_score=max((cell.max_score for cell in cells), default=0.0),
        mean=_rounded(stats.fmean(cell.score or 0.0 for cell in cells)) if cells else None,
        verdicts=dict(Counter(cell.verdict for cell in cells)),
    )


def _rounded(value: float) -> float:
    return round(value, 4)
