"""Makes ``804ec7a.sql.xz`` and ``804ec7a.json``: a database with every state, and what its own service said of it.

The commands of commit 804ec7a do everything, in its own checkout and environment:

    git worktree add OLD 804ec7a    # with an environment in OLD/.venv
    OLD/.venv/bin/python -m tests.stored.record OLD

It takes about fifteen minutes. Identifiers, times and drawn tensors differ each time.
"""

from __future__ import annotations

import json
import lzma
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.stored import steps
from tests.stored.commands import Old
from tests.stored.people import Course

COMMIT = "804ec7a"
FOLDER = Path(__file__).parent


def answers(course: Course) -> dict[str, Any]:
    """What the service says of everything: the other side of the comparison."""
    submissions: list[dict[str, Any]] = []
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = course.ask("GET", "/submissions", params={"limit": 100, **cursor})
        submissions += page["items"]
        cursor = {"cursor": page["next_cursor"]} if page["next_cursor"] else None
    reports = [course.ask("GET", f"/submissions/{row['id']}") for row in submissions]
    slugs = [row["slug"] for row in course.ask("GET", "/assignments")]
    regrades = course.ask("GET", "/admin/regrades")
    return {
        "reports": {report["id"]: brief(report) for report in reports},
        "scores": {slug: course.ask("GET", "/scores", params={"assignment": slug}) for slug in slugs},
        "regrades": {row["id"]: row for row in regrades},
        "changes": {row["id"]: course.ask("GET", f"/admin/regrades/{row['id']}/changes") for row in regrades},
        "requests": {row["id"]: row for row in course.ask("GET", "/regrade-requests")},
        "extensions": {slug: course.ask("GET", f"/assignments/{slug}/extensions") for slug in slugs},
    }


def brief(report: dict[str, Any]) -> dict[str, Any]:
    """A report without its evidence, which stands in the database, and without texts, which may be bettered."""
    left_out = {"id", "questions", "timings", "sandbox", "progress"}
    questions = {}
    for question in report["questions"]:
        short = {name: question[name] for name in ("score", "max_score", "verdict", "fault", "override")}
        questions[question["number"]] = short | {"messages": [message["id"] for message in question["messages"]]}
    parts = sorted(report["parts"], key=lambda part: part["name"])
    kept = {name: value for name, value in report.items() if name not in left_out}
    late = report["late"] and {name: value for name, value in report["late"].items() if name != "text"}
    return kept | {"parts": parts, "late": late, "notes": len(report["notes"]), "questions": questions}


def as_lines(said: dict[str, Any]) -> str:
    """The answers as JSON, a report, a class, a regrade a line."""
    sections = []
    for name, content in said.items():
        rows = [f"{json.dumps(str(key))}: {json.dumps(value, sort_keys=True)}" for key, value in content.items()]
        sections.append(f" {json.dumps(name)}: {{\n  " + ",\n  ".join(rows) + "\n }")
    return "{\n" + ",\n".join(sections) + "\n}\n"


def dump(copy: Path) -> str:
    """The database as SQL text, without private keys and without the place of the interpreter."""
    database = sqlite3.connect(copy)
    database.execute("UPDATE lti_keys SET private_pem = ''")
    database.commit()
    text = "".join(f"{line}\n" for line in database.iterdump())
    database.close()
    return text.replace(str(Path(sys.executable).resolve()), "/usr/bin/python3")


def main() -> None:
    """Make both files."""
    checkout = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory(prefix="assay-stored-") as name:
        old = Old(checkout, Path(name))
        old.command("migrate")
        began = time.monotonic()
        copy = old.folder / "copy.sqlite3"
        with old.running("serve", "--no-worker"):
            old.wait_until_ready()
            course = Course(old.url)
            worker = old.start("worker", "worker")
            try:
                for step in (
                    steps.in_the_class,
                    steps.special,
                    steps.curves,
                    steps.deadlines,
                    steps.regrades,
                    steps.faults,
                ):
                    step(old, course)
                    print(step.__name__, f"{time.monotonic() - began:.0f} s", flush=True)
                worker = steps.killed_worker(old, course, worker)
                steps.platforms(old, course)
                steps.unfinished(course)
            finally:
                worker.kill()
                worker.wait()
            old.command("backup", str(copy))
            said = answers(course)
        (FOLDER / f"{COMMIT}.sql.xz").write_bytes(lzma.compress(dump(copy).encode(), preset=9 | lzma.PRESET_EXTREME))
        (FOLDER / f"{COMMIT}.json").write_text(as_lines(said))


if __name__ == "__main__":
    main()
