"""1,000 submissions in the schema of 804ec7a, migrated: every score, total, class table and gradebook is what it was.

What they were is read from the old tables by plain SQL, before anything of today's code touches them.
"""

from __future__ import annotations

import csv
import io
import json
import math
import sqlite3
import tomllib
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from app.db import migrate
from app.db.engine import Database
from app.exports import gradebook
from app.scores import service
from app.scores.standing import SubmissionScores
from app.submissions.models import Submission
from tests.integration.conftest import KINDS, EmptySettings
from tests.stored import loading, multiplied

SUBMISSIONS = 1_000
QUESTIONS = ("1.1", "1.2", "2.1", "2.2", "3.1", "3.2")
CHOSEN_ANEW = "dated"
"""The best attempt of an assignment with a deadline is chosen without its choices since 804ec7a."""
_CELLS = """
    WITH decided AS (SELECT submission_id, question, score FROM overrides WHERE ended_at IS NULL)
    SELECT submission_id, question, coalesce(decided.score, scores.score),
           decided.score IS NULL AND verdict = 'needs_review'
      FROM scores LEFT JOIN decided USING (submission_id, question)
     UNION ALL
    SELECT submission_id, question, decided.score, 0
      FROM decided LEFT JOIN scores USING (submission_id, question) WHERE scores.question IS NULL
"""
_SCORES = "SELECT submission_id, question, score, max_score, verdict, fault FROM scores"


@dataclass
class Former:
    """What the old tables say: rows of scores, totals by submission, the class table by assignment and login."""

    scores: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    totals: dict[str, float] = field(default_factory=dict)
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    """Students of `CHOSEN_ANEW` with several attempts."""
    several: int = 0
    """Students with several attempts at an assignment."""

    def read(self, rows: sqlite3.Connection) -> None:
        """Read the old tables."""
        self.scores = Counter(rows.execute(_SCORES).fetchall())
        cells: dict[str, dict[str, tuple[float, bool]]] = defaultdict(dict)
        for submission, question, points, waits in rows.execute(_CELLS):
            cells[submission][question] = points, bool(waits)
        schedules = {
            key: _schedule(json.loads(files)) for key, files in rows.execute("SELECT id, files FROM assignments")
        }
        newest = dict(rows.execute("SELECT slug, max(id) FROM assignments GROUP BY slug ORDER BY slug"))
        extended = {
            (slug, user): moment
            for slug, user, moment in rows.execute("SELECT slug, user_id, deadline FROM extensions")
        }
        attempts: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        for slug, key, submission, version, number, state, moment in rows.execute(
            "SELECT slug, user_id, submissions.id, assignment_id, attempt, state, submitted_at FROM submissions"
            " JOIN assignments ON assignments.id = assignment_id ORDER BY submitted_at"
        ):
            days, percent = _late(schedules[version], moment, extended.get((slug, key)))
            points = {name: cells[submission].get(name, (0.0, False)) for name in QUESTIONS}
            total = round(sum(one for one, _ in points.values()) * (100 - percent) / 100, 2)
            self.totals[submission] = total
            row = {"submission": submission, "attempt": number, "state": state, "late_days": days}
            row |= {"needs_review": any(waits for _, waits in points.values()), "score": total}
            attempts[slug, key].append(row | {name: one for name, (one, _) in points.items()})
        people = rows.execute("SELECT id, login, role FROM users").fetchall()
        for slug, current in newest.items():
            own = {
                login: attempts[slug, key] for key, login, role in people if attempts[slug, key] or role == "student"
            }
            self.tables[slug] = {login: _counting(each, schedules[current]["keep"]) for login, each in own.items()}
            several = {login for login, each in own.items() if len(each) > 1}
            self.several += len(several)
            if slug == CHOSEN_ANEW:
                self.skipped = several


def _schedule(files: dict[str, str]) -> dict[str, Any]:
    (name,) = (name for name in files if name.endswith("assignment.toml"))
    schedule: dict[str, Any] = tomllib.loads(files[name])["schedule"]
    return schedule


def _late(schedule: dict[str, Any], moment: str, extended_to: str | None) -> tuple[int, float]:
    """The begun days after the deadline, and the percent that they cost."""
    if (deadline := schedule.get("deadline")) is None:
        return 0, 0
    if extended_to is not None:
        deadline = max(deadline, datetime.fromisoformat(extended_to).replace(tzinfo=UTC))
    days = max(0, math.ceil((datetime.fromisoformat(moment).replace(tzinfo=UTC) - deadline) / timedelta(days=1)))
    rule = schedule.get("late")
    return days, rule["percent_per_day"] * min(days, rule["most_days"]) if rule else 0


def _counting(attempts: list[dict[str, Any]], keep: str) -> dict[str, Any]:
    """The attempt that counts: the best or the latest of the graded ones, else the latest; empty without any."""
    graded = [row for row in attempts if row["state"] == "graded"]
    if graded and keep == "best":
        best = max(row["score"] for row in graded)
        return next(row for row in reversed(graded) if row["score"] == best)
    return next(reversed(graded or attempts), {})


ON_EACH = [KINDS[0], pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.thorough])]


@pytest.fixture(scope="module", params=ON_EACH)
def class_of_thousand(
    request: pytest.FixtureRequest, empty_settings: EmptySettings
) -> Iterator[tuple[Former, Database]]:
    """What a class was in the old tables, and the same class migrated."""
    settings, former = empty_settings(request.param), Former()

    def grow(rows: sqlite3.Connection) -> None:
        multiplied.multiply(rows, SUBMISSIONS)
        former.read(rows)

    loading.restore(settings, grow)
    migrate.upgrade(settings)
    database = Database(settings)
    yield former, database
    database.close()


def test_the_class_is_large_and_of_every_kind(class_of_thousand: tuple[Former, Database]) -> None:
    """Else the comparisons below would compare little."""
    former, _ = class_of_thousand
    assert len(former.totals) == SUBMISSIONS
    assert len(set(former.totals.values())) > 100
    assert {row[4] for row in former.scores} == {"full", "partial", "none", "needs_review", "not_submitted", "fault"}
    rows = [row for table in former.tables.values() for row in table.values() if row]
    assert {row["state"] for row in rows} >= {"graded", "failed", "queued"}
    assert sum(row["late_days"] > 0 for row in rows) > 10
    assert former.several > 100
    assert len(former.skipped) < 5


def test_every_stored_score_is_what_it_was(class_of_thousand: tuple[Former, Database]) -> None:
    former, database = class_of_thousand
    with database.read() as session:
        rows = [(uuid.UUID(str(row[0])).hex, *row[1:]) for row in session.execute(text(_SCORES))]
    assert Counter(rows) == former.scores


def test_every_submission_has_its_total(class_of_thousand: tuple[Former, Database]) -> None:
    former, database = class_of_thousand
    with database.read() as session:
        submissions = session.scalars(select(Submission)).all()
        scores = SubmissionScores(session, [row.id for row in submissions])
        totals = {row.id.hex: scores.of(row).total for row in submissions}
    assert totals == former.totals


def test_every_class_table_has_what_it_had(class_of_thousand: tuple[Former, Database]) -> None:
    former, database = class_of_thousand
    for slug, expected in former.tables.items():
        with database.read() as session:
            lines = list(csv.DictReader(io.StringIO(service.class_table(session, slug).csv())))
        table = {line["login"]: _read(line) for line in lines}
        assert len(table) == len(lines)
        if slug == CHOSEN_ANEW:
            table, expected = (
                {login: row for login, row in rows.items() if login not in former.skipped} for rows in (table, expected)
            )
        assert table == expected, slug


def _read(line: dict[str, str]) -> dict[str, Any]:
    """A line of the CSV as `Former` has it."""
    assert (line["excused"], line["section"], line["dropped"]) == ("no", "", "no")
    if not line["submission"]:
        assert {line[name] for name in ("attempt", "submitted_at", "state", "score", *QUESTIONS)} == {""}
        return {}
    return {
        "submission": uuid.UUID(line["submission"]).hex,
        "attempt": int(line["attempt"]),
        "state": line["state"],
        "needs_review": line["needs_review"] == "yes",
        "late_days": int(line["late_days"]),
        "score": float(line["score"]),
        **{name: float(line[name]) for name in QUESTIONS},
    }


def test_the_gradebook_gets_the_points_that_it_got(class_of_thousand: tuple[Former, Database]) -> None:
    former, database = class_of_thousand
    header = "Student,ID,SIS User ID,SIS Login ID,Section,HW13 (77)\r\n"
    cells = former.tables["hw13"]
    empty = "".join(f"{login},1,,{login},S,\r\n" for login in cells)
    points = {login: f"{row['score']:.2f}" if row.get("state") == "graded" else "" for login, row in cells.items()}
    full = "".join(f"{login},1,,{login},S,{points[login]}\r\n" for login in cells)
    with database.read() as session:
        filled, preview = gradebook.fill_class(session, "hw13", (header + empty).encode(), "HW13", scale=False)
    assert filled.decode() == header + full
    assert len(preview.differences) == sum(cell != "" for cell in points.values()) > 200
    assert (preview.not_found, preview.ambiguous) == ([], [])
