"""The class table with one row for each student, and its statistics."""

from __future__ import annotations

import csv
import io
import math
import statistics as stats
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel

from app.problems import NotFound
from app.scores.class_records import Attempt, Cell, StudentStanding
from app.submissions.models import State
from grader.assignment import Assignment
from grader.scoring import Verdict

NO_RESULT = (Verdict.PENDING, Verdict.FAULT)
"""Verdicts without points because of us, which statistics leave out."""
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

    A ``late`` attempt came ``late_days`` begun days after the student's deadline; ``score`` is after the deduction. An
    ``excused`` student has no ``score``; the questions keep their points. One who ``dropped`` the course keeps all, and
    statistics leave them out.
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
    excused: bool
    section: str | None = None
    dropped: bool = False
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
            score=attempt.score if attempt and not standing.excused else None,
            max_score=assignment.max_score,
            needs_review=attempt.needs_review if attempt and not standing.excused else False,
            late=attempt is not None and attempt.late is not None,
            late_days=attempt.late.days if attempt and attempt.late else 0,
            excused=standing.excused,
            section=standing.section,
            dropped=standing.dropped,
            questions={number: QuestionCell.of(cell, attempt) for number, cell in attempt.cells.items()}
            if attempt
            else {},
        )


class SectionNotFound(NotFound):
    """No student of the class is in this section."""

    slug = "section-not-found"


class ClassTable(BaseModel):
    """All students of an assignment."""

    assignment: str
    questions: list[str]
    max_score: float
    rows: list[StudentRow]

    def of_section(self, section: str | None) -> ClassTable:
        """The table of one section; without a ``section`` all of it. Raises `SectionNotFound`."""
        if not section:
            return self
        rows = [row for row in self.rows if row.section == section]
        if not rows:
            names = sorted({row.section for row in self.rows if row.section})
            offer = f"The sections are {', '.join(names)}." if names else "Nobody is in any section."
            raise SectionNotFound(f"No student of {self.assignment} is in the section {section!r}. {offer}")
        return self.model_copy(update={"rows": rows})

    def csv(self) -> str:
        """The table for a spreadsheet: no cell starts a formula, and points are empty without a submission.

        An excused student's total is empty too.
        """
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow([*_TEXT_COLUMNS, *self.questions, "score", "max_score", "excused", "section", "dropped"])
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
            marks = "yes" if row.excused else "no", escape_formula(row.section or ""), "yes" if row.dropped else "no"
            writer.writerow([*map(escape_formula, texts), *points, total, row.max_score, *marks])
        return out.getvalue()


def escape_formula(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell


class Bin(BaseModel):
    """How many students have from ``low`` up to ``high`` points; the last bin includes its end."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Spread:
    """How the points of a class spread: the standard deviation is the population's."""

    count: int
    mean: float
    median: float
    deviation: float
    full_share: float


class QuestionStatistics(BaseModel):
    """One question over all graded students, without those whose result is missing by a fault or still to come.

    ``deviation`` is the population's standard deviation, ``full_share`` the share of full points.
    """

    number: str
    max_score: float
    graded: int
    mean: float | None
    median: float | None
    deviation: float | None
    full_share: float | None
    verdicts: dict[Verdict, int]


class Statistics(BaseModel):
    """Statistics of the graded attempts of a class, without excused students. Points are null while there are none.

    Students who ``dropped`` the course are in no other number.
    """

    assignment: str
    students: int
    excused: int
    dropped: int
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
    rows = [row for row in table.rows if not row.dropped]
    graded = [row for row in rows if row.state is State.GRADED and not row.excused]
    totals = [row.score for row in graded if row.score is not None]
    return Statistics(
        assignment=table.assignment,
        students=len(rows),
        excused=sum(row.excused for row in rows),
        dropped=len(table.rows) - len(rows),
        handed_in=sum(row.submission is not None for row in rows),
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


def spread_of(results: Sequence[tuple[float, float]]) -> Spread | None:
    """The spread of points, each with the points that it is out of; ``None`` without any."""
    if not results:
        return None
    points = [score for score, _ in results]
    mean = stats.fmean(points)
    return Spread(
        count=len(points),
        mean=_rounded(mean),
        median=_rounded(stats.median(points)),
        # statistics.pstdev adds fractions, which takes 20 times as long for a large class.
        deviation=_rounded(math.sqrt(stats.fmean((score - mean) ** 2 for score in points))),
        full_share=_rounded(sum(score >= most for score, most in results) / len(results)),
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
    results = [(cell.score or 0.0, cell.max_score) for cell in cells if cell.verdict not in NO_RESULT]
    spread = spread_of(results)
    return QuestionStatistics(
        number=number,
        max_score=max((cell.max_score for cell in cells), default=0.0),
        graded=len(results),
        mean=spread.mean if spread else None,
        median=spread.median if spread else None,
        deviation=spread.deviation if spread else None,
        full_share=spread.full_share if spread else None,
        verdicts=dict(Counter(cell.verdict for cell in cells)),
    )


def _rounded(value: float) -> float:
    return round(value, 4)
