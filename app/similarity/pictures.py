"""The plots of a class in groups: near-identical pictures, and pictures without a curve."""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from app.scores.class_records import Cell, ClassSnapshot
from app.similarity import repository
from app.similarity.repository import PictureRow
from grader.assignment import Question
from grader.checks import registry
from grader.picture_fingerprint import NEAR, Fingerprint
from grader.scoring import Verdict


@dataclass(frozen=True)
class Plot:
    """The picture of one student in the attempt that counts. ``likeness`` is the same for near-identical pictures.

    ``is_unclear``: it is blank, shows no curve, or no plot at all, as far as the grader sees.
    """

    login: str
    name: str
    submission: uuid.UUID
    submitted_at: datetime
    cell: Cell
    likeness: int
    is_unclear: bool

    @property
    def is_waiting(self) -> bool:
        """Whether its question waits for review."""
        return self.cell.verdict is Verdict.NEEDS_REVIEW


@dataclass(frozen=True)
class PlotGroups:
    """The plots of one question: groups of near-identical pictures, those without a curve, and all others.

    A plot stands in one group. Groups of near-identical pictures come first, largest first.
    """

    question: Question
    alike: tuple[tuple[Plot, ...], ...]
    unclear: tuple[Plot, ...]
    single: tuple[Plot, ...]

    def with_submission(self, submission: uuid.UUID) -> tuple[Plot, ...]:
        """The group with this submission's plot; empty if it is in none."""
        groups = (*self.alike, self.unclear)
        return next((group for group in groups if any(plot.submission == submission for plot in group)), ())


class PictureIndex:
    """The fingerprints that this process has read, by assignment and question. Thread-safe."""

    def __init__(self) -> None:
        self._questions: dict[tuple[str, str], _Likenesses] = defaultdict(_Likenesses)
        self._lock = threading.Lock()

    def groups(self, session: Session, snapshot: ClassSnapshot, question: Question) -> PlotGroups:
        """The plots of a question in the attempts that count, in groups."""
        rows = repository.pictures(session, snapshot.assignment.slug, question.number)
        by_submission = {row.submission_id: row for row in rows}
        plots: list[Plot] = []
        with self._lock:
            likenesses = self._questions[snapshot.assignment.slug, question.number]
            for plot in sorted(_counting(snapshot, question.number), key=lambda plot: plot.submitted_at):
                row = by_submission.get(plot.submission)
                if row is not None:
                    plots.append(_with_picture(plot, row, likenesses.of(row)))
        return _grouped(question, plots)


def questions_with_plots(questions: Iterable[Question]) -> list[Question]:
    """The questions whose check stores a picture."""
    return [question for question in questions if "picture" in registry.of(question).stores]


class _Likenesses:
    """Which pictures of a question are near-identical: each belongs to the first one that it is near.

    A picture without fingerprint, measured before there were any, is alike only to the same bytes.
    """

    def __init__(self) -> None:
        self._by_key: dict[str, int] = {}
        self._firsts: list[tuple[int, Fingerprint]] = []

    def of(self, row: PictureRow) -> int:
        key = row.fingerprint or row.sha256
        if key not in self._by_key:
            self._by_key[key] = self._find(row.fingerprint)
        return self._by_key[key]

    def _find(self, digits: str | None) -> int:
        new = len(self._by_key)
        if digits is None:
            return new
        fingerprint = Fingerprint(digits)
        for number, first in self._firsts:
            if first.distance(fingerprint) <= NEAR:
                return number
        self._firsts.append((new, fingerprint))
        return new


def _counting(snapshot: ClassSnapshot, number: str) -> Iterable[Plot]:
    for standing in snapshot.standings:
        attempt = standing.counting if standing.counts else None
        cell = attempt.cells.get(number) if attempt else None
        if attempt is not None and cell is not None:
            source = cell.source or attempt
            yield Plot(standing.login, standing.name, source.submission, source.submitted_at, cell, -1, False)


def _with_picture(plot: Plot, row: PictureRow, likeness: int) -> Plot:
    return replace(plot, likeness=likeness, is_unclear=row.is_unclear)


def _grouped(question: Question, plots: Sequence[Plot]) -> PlotGroups:
    by_likeness: Mapping[int, list[Plot]] = defaultdict(list)
    for plot in plots:
        by_likeness[plot.likeness].append(plot)
    alike = sorted((group for group in by_likeness.values() if len(group) > 1), key=len, reverse=True)
    single = [group[0] for group in by_likeness.values() if len(group) == 1]
    return PlotGroups(
        question,
        tuple(map(tuple, alike)),
        tuple(plot for plot in single if plot.is_unclear),
        tuple(plot for plot in single if not plot.is_unclear),
    )
