"""Everything of a course as a ZIP: for an archive, or to move it elsewhere."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from datetime import datetime
from typing import IO, Any

from app.assignments import service as assignments
from app.audit import service as audit
from app.course_data import audit_part, repository
from app.courses import service as courses
from app.courses.names import own_name
from app.courses.schemas import CourseView
from app.db.engine import Database
from app.exports import json_lines
from app.scores import service as scores
from app.submissions import repository as submissions


def write(database: Database, course: str, out: IO[bytes], language: str, *, actor: str) -> None:
    """Write the archive: ``course.json``, ``people.json``, ``audit.jsonl``, and a folder for each assignment.

    A folder has ``scores.csv``, ``everything.jsonl`` as `app.exports.json_lines` says, the files of the newest version
    and, by student and attempt, the uploads. Withheld results are in it, too. Raises `CourseNotFound`.
    """
    with database.write() as session:
        view = CourseView.of(courses.find(session, course))
        audit.record(session, actor, "course.export", course)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with database.read() as session:
            archive.writestr("course.json", view.model_dump_json(indent=2) + "\n")
            people = [
                {
                    "login": user.login,
                    "name": user.name,
                    "student_id": user.student_id,
                    "role": enrolment.role.value,
                    "section": enrolment.section,
                    "dropped_at": _time(enrolment.dropped_at),
                }
                for user, enrolment in repository.people(session, course)
            ]
            archive.writestr("people.json", json.dumps(people, ensure_ascii=False, indent=2) + "\n")
            slugs = repository.published_slugs(session, course)
            entries = (
                json.dumps({**row._asdict(), "at": row.at.isoformat()}, ensure_ascii=False) + "\n"
                for row in audit_part.entries(session, course)
            )
            _write_lines(archive, "audit.jsonl", entries)
        for slug in slugs:
            _write_assignment(archive, database, slug, language)


def _write_assignment(archive: zipfile.ZipFile, database: Database, slug: str, language: str) -> None:
    folder = own_name(slug)
    with database.read() as session:
        archive.writestr(f"{folder}/scores.csv", scores.class_table(session, slug).csv())
        for name, text in assignments.current(session, slug).files.items():
            archive.writestr(f"{folder}/assignment/{name}", text)
        rows = repository.submissions(session, slug)
    _write_lines(archive, f"{folder}/everything.jsonl", json_lines.lines(database, slug, language))
    for identifier, login, attempt in rows:
        # One transaction a submission: a long export must not hold one open.
        with database.read() as session:
            for name, _, data in submissions.part_files(session, identifier):
                archive.writestr(f"{folder}/submissions/{login}-{attempt}/{name}", data)


def _write_lines(archive: zipfile.ZipFile, name: str, lines: Iterable[str]) -> None:
    with archive.open(name, "w", force_zip64=True) as file:
        file.writelines(line.encode() for line in lines)


def _time(moment: datetime | None) -> Any:
    return moment.isoformat() if moment is not None else None
