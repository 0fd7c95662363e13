"""The stored database with a class of any size: its rows copied, in its own schema, with other people and points."""

from __future__ import annotations

import random
import sqlite3
import uuid
from datetime import datetime, timedelta
from typing import Any

Row = dict[str, Any]
PEOPLE = 350
_SETTLED = {"full": 1.0, "none": 0.0}
_DECIDED = ("full", "full", "partial", "none", "needs_review")
_CHOSEN_ANEW = "dated"
"""Where the best attempt counts and answers are told later, another attempt may count since: one a student."""


def multiply(database: sqlite3.Connection, submissions: int) -> None:
    """Copy submissions until there are so many, with parts, runs, evidence, scores and decisions.

    The copies are of new students with one to several attempts, at other times and with other points.
    """
    chance = random.Random(submissions)
    add_people(database)
    slugs = dict(database.execute("SELECT id, slug FROM assignments"))
    originals = rows_of(database, "submissions")
    by_submission: dict[str, dict[str, list[Row]]] = {}
    for table in ("submission_parts", "runs", "evidence", "scores"):
        for row in rows_of(database, table):
            by_submission.setdefault(row["submission_id"], {}).setdefault(table, []).append(row)
    people = [row["id"] for row in rows_of(database, "users") if row["login"].startswith("copy-")]
    attempts: dict[tuple[int, str], int] = {}
    runs, evidence = (highest(database, table) for table in ("runs", "evidence"))
    for number in range(submissions - len(originals)):
        original = originals[number % len(originals)]
        slug, person = slugs[original["assignment_id"]], chance.choice(people)
        while slug == _CHOSEN_ANEW and (person, slug) in attempts:
            person = chance.choice(people)
        attempts[person, slug] = attempt = attempts.get((person, slug), 0) + 1
        moved = {"id": uuid.UUID(int=chance.getrandbits(128), version=4).hex, "user_id": person, "attempt": attempt}
        moved |= {"submitted_by_id": person, "idempotency_key": None}
        moved |= {"submitted_at": later(original["submitted_at"], timedelta(minutes=chance.randrange(-3000, 6000)))}
        new_run: dict[int | None, int | None] = {None: None}
        of = by_submission.get(original["id"], {})
        for row in of.get("runs", []):
            runs += 1
            new_run[row["id"]] = runs
        insert(database, "submissions", original | moved | {"run_id": new_run[original["run_id"]]})
        for row in of.get("submission_parts", []):
            insert(database, "submission_parts", row | {"submission_id": moved["id"]})
        for row in of.get("runs", []):
            copied = {"id": new_run[row["id"]], "submission_id": moved["id"], "reused_run_id": None}
            insert(database, "runs", row | copied)
        new_evidence: dict[int, int] = {}
        for row in of.get("evidence", []):
            evidence += 1
            new_evidence[row["id"]] = evidence
            copied = {"id": evidence, "run_id": new_run[row["run_id"]], "submission_id": moved["id"]}
            insert(database, "evidence", row | copied)
        for row in of.get("scores", []):
            copied = {"submission_id": moved["id"], "evidence_id": new_evidence[row["evidence_id"]]}
            insert(database, "scores", row | copied | result(row, chance))
        for row in chance.sample(
            of.get("scores", []), k=min(chance.choice((0, 0, 0, 1, 2)), len(of.get("scores", [])))
        ):
            decide(database, moved["id"], row, chance)


def add_people(database: sqlite3.Connection) -> None:
    """Students, some of whom submit nothing."""
    (template,) = (row for row in rows_of(database, "users") if row["login"] == "olga")
    for number in range(PEOPLE):
        identity = {"id": None, "login": f"copy-{number:03}", "name": f"Copy {number}", "student_id": f"C{number:05}"}
        insert(database, "users", template | identity)


def result(score: Row, chance: random.Random) -> Row:
    """Other points of a question. That nothing was submitted, and faults, stay."""
    if score["verdict"] in ("not_submitted", "fault"):
        return {}
    verdict, most = chance.choice(_DECIDED), score["max_score"]
    share = _SETTLED.get(verdict, chance.choice((0.1, 0.25, 0.3, 0.5, 0.7)))
    return {"score": round(most * share, 2), "verdict": verdict, "fault": None}


def decide(database: sqlite3.Connection, submission: str, score: Row, chance: random.Random) -> None:
    """A person's points for a question: the active ones, or former ones that no longer count, or both."""
    for ended in chance.choice(((None,), ("2026-12-01 08:00:00.000000",), ("2026-12-01 08:00:00.000000", None))):
        points = round(score["max_score"] * chance.random(), 2)
        values = {"id": None, "submission_id": submission, "question": score["question"], "score": points}
        values |= {"replaced": score["score"], "reason": "Explained.", "by_id": 1, "at": "2026-12-01 07:00:00.000000"}
        insert(database, "overrides", values | {"ended_at": ended, "ended_by_id": 1 if ended else None})


def rows_of(database: sqlite3.Connection, table: str) -> list[Row]:
    """All rows of a table by column."""
    cursor = database.execute(f'SELECT * FROM "{table}"')
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, values, strict=True)) for values in cursor]


def highest(database: sqlite3.Connection, table: str) -> int:
    """The highest id of a table."""
    number: int = database.execute(f'SELECT max(id) FROM "{table}"').fetchone()[0]
    return number


def insert(database: sqlite3.Connection, table: str, row: Row) -> None:
    """Add a row."""
    names, places = ", ".join(row), ", ".join("?" * len(row))
    database.execute(f'INSERT INTO "{table}" ({names}) VALUES ({places})', list(row.values()))


def later(moment: str, by: timedelta) -> str:
    """A stored time, moved."""
    return (datetime.fromisoformat(moment) + by).isoformat(" ", "microseconds")
