"""A small class in which nothing is left to chance, and every export of it.

`python -m tests.unit.exports.golden_class` writes the golden files anew; look at their differences before a commit.
"""

from __future__ import annotations

import io
import json
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import insert

from app.assignments import service as assignments
from app.courses.names import FIRST
from app.db import migrate
from app.db.engine import Database
from app.exports import feedback, gradebook, gradescope, gradescope_table, json_lines
from app.reports import building
from app.scores import service
from app.scores.models import Override, StoredScore
from app.settings import Settings
from app.submissions.models import Blob, Run, RunOutcome, State, StoredEvidence, Submission, SubmissionPart
from app.users.models import Enrolment, Role, User
from grader import assignment

GOLDEN = Path(__file__).parent / "golden"
SLUG = "quiz"
_ASSIGNMENT = """
slug = "quiz"
version = 3
classes = 2
input_shape = [3, 8, 8]
parameter_limit = 10
title = { en = "Quiz", zh-Hant = "測驗" }
[[questions]]
number = "1"
check = "architecture"
points = 2
parts = ["model"]
title = { en = "Model", zh-Hant = "模型" }
[[questions]]
number = "2"
check = "choice"
points = 0.5
parts = ["answers"]
title = { en = "Temperature, softly", zh-Hant = "溫度" }
[questions.options]
key = "softer"
[questions.options.choices]
softer = { en = "Softer", zh-Hant = "平滑" }
harder = { en = "Harder", zh-Hant = "尖銳" }
"""
_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_LATER = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
_EVENING = datetime(2026, 3, 2, 20, 30, tzinfo=UTC)
_ANN, _BOB, _AGAIN = (uuid.UUID(int=number, version=4) for number in (1, 2, 3))
_ERROR = {"type": "TypeError", "message": "<b>no</b>", "line": 3, "source": "x = 1 & None", "name": None}
_RIGHT = [{"id": "choice.right", "params": {"choice": {"en": "Softer", "zh-Hant": "平滑"}}}]
_WRONG = [{"id": "choice.wrong", "params": {"choice": {"en": "Harder", "zh-Hant": "尖銳"}}}]

PEOPLE: list[dict[str, Any]] = [
    {"id": 1, "login": "ann", "name": "Lin, Ann", "role": Role.STUDENT, "student_id": "B01"},
    {"id": 2, "login": "bob", "name": '=HYPERLINK("x")', "role": Role.STUDENT, "student_id": "-2"},
    {"id": 3, "login": "cy", "name": "陳小明", "role": Role.STUDENT, "student_id": None},
    {"id": 4, "login": "tom", "name": "Tom Wu", "role": Role.TA, "student_id": None},
]
SUBMISSIONS: list[dict[str, Any]] = [
    {"id": _ANN, "user_id": 1, "attempt": 1, "state": State.GRADED, "submitted_at": _NOON, "run_id": 1},
    {"id": _BOB, "user_id": 2, "attempt": 1, "state": State.GRADED, "submitted_at": _EVENING, "run_id": 2},
    {"id": _AGAIN, "user_id": 1, "attempt": 2, "state": State.QUEUED, "submitted_at": _EVENING, "run_id": 3},
]
EVIDENCE: list[dict[str, Any]] = [
    {"id": 1, "run_id": 1, "submission_id": _ANN, "question": "1", "data": {"kind": "architecture", "parameters": 9}},
    {"id": 2, "run_id": 1, "submission_id": _ANN, "question": "2", "data": {"kind": "choice", "answer": "softer"}},
    {"id": 3, "run_id": 2, "submission_id": _BOB, "question": "1", "data": {"kind": "architecture", "error": _ERROR}},
    {"id": 4, "run_id": 2, "submission_id": _BOB, "question": "2", "data": {"kind": "choice", "answer": "harder"}},
]
SCORES: list[dict[str, Any]] = [
    {"submission_id": _ANN, "question": "1", "score": 2.0, "max_score": 2.0, "verdict": "needs_review", "messages": []},
    {"submission_id": _ANN, "question": "2", "score": 0.5, "max_score": 0.5, "verdict": "full", "messages": _RIGHT},
    {"submission_id": _BOB, "question": "1", "score": 0.0, "max_score": 2.0, "verdict": "none", "messages": []},
    {"submission_id": _BOB, "question": "2", "score": 0.0, "max_score": 0.5, "verdict": "none", "messages": _WRONG},
]
CANVAS = (
    '\ufeff"Student",ID,SIS User ID,SIS Login ID,Section,"Quiz (41)",HW1 (40),Final Score\r\n'
    "    Points Possible,,,,,2.5,10,(read only)\r\n"
    '"Lin, Ann",900,B01,ann,S1,,"=1+1",9\r\n'
    "Bob,901,-2,bob,S1,0.1,N/A,\r\n"
    "陳小明,902,,cy,S1,,,\r\n"
    '"Student, Test",903,,,S1,,,\r\n'
).encode()


@contextmanager
def open_class() -> Iterator[Database]:
    """The class in a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), database_url=SecretStr(f"sqlite:///{folder}/assay.sqlite3"))
        migrate.upgrade(settings)
        database = Database(settings)
        _fill(database)
        yield database
        database.close()


def _fill(database: Database) -> None:
    digests = {"body_digest": "0" * 64, "content_key": "0" * 64}
    with database.write() as session:
        rubric = assignments.publish(session, assignment.from_files({"assignment.toml": _ASSIGNMENT})).id
        session.execute(insert(User), PEOPLE)
        enrolled = [{"user_id": person["id"], "course": FIRST, "role": person["role"]} for person in PEOPLE]
        session.execute(insert(Enrolment), enrolled)
        handed_in = {"assignment_id": rubric, "repair": "suggest", **digests}
        for row in SUBMISSIONS:
            session.execute(insert(Submission).values(submitted_by_id=row["user_id"], **row, **handed_in))
        run = {"number": 1, "assignment_id": rubric, "grader_version": "1", "content_key": "0" * 64, "executor": "test"}
        run |= {"outcome": RunOutcome.FINISHED}
        for row in SUBMISSIONS:
            of = {"id": row["run_id"], "submission_id": row["id"], "started_at": row["submitted_at"]}
            session.execute(insert(Run).values(**of, **run))
        session.execute(insert(Blob).values(sha256="1" * 64, size=2, data=b"{}"))
        part = {"submission_id": _ANN, "name": "answers", "filename": "answers.json", "blob_sha256": "1" * 64}
        session.execute(insert(SubmissionPart).values(part))
        for evidence, score in zip(EVIDENCE, SCORES, strict=True):
            measured_at = _LATER if evidence["run_id"] == 1 else _EVENING
            session.execute(insert(StoredEvidence).values(schema_version=1, measured_at=measured_at, **evidence))
            session.execute(insert(StoredScore).values(evidence_id=evidence["id"], rubric_id=rubric, **score))
        given = {"submission_id": _BOB, "question": "2", "by_id": 4, "at": _EVENING}
        session.execute(insert(Override).values(score=0.25, replaced=0.0, reason="Half right <said aloud>", **given))


def exports(database: Database) -> dict[str, bytes]:
    """Every export by the name of its golden file."""
    with database.read() as session:
        table = service.class_table(session, SLUG)
        current = assignments.definition(assignments.current(session, SLUG))
        bob = building.build_report(session, session.get_one(Submission, _BOB), "en", is_staff=False)
    results = gradescope.results(bob).model_dump(mode="json")
    files = {
        "scores.csv": table.csv().encode(),
        "gradescope.csv": gradescope_table.text(current, table.rows).encode(),
        "canvas-before.csv": CANVAS,
        "canvas-after.csv": gradebook.fill(table, CANVAS, ["Quiz"])[0],
        "results.json": (json.dumps(results, ensure_ascii=False, indent=2) + "\n").encode(),
        "everything.jsonl": "".join(json_lines.lines(database, SLUG, "en")).encode(),
    }
    with zipfile.ZipFile(io.BytesIO(feedback.archive(database, SLUG, "zh-Hant"))) as archive:
        files |= {f"feedback-{name}": archive.read(name) for name in archive.namelist()}
    return files


if __name__ == "__main__":
    with open_class() as opened:
        for name, data in exports(opened).items():
            (GOLDEN / name).write_bytes(data)
