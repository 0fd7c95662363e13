"""What a hand-in, a report, a class table and a rescore cost as submissions pile up, against a hundred of them.

    python -m tests.load.growth [sqlite|postgresql ...] [--sizes 100 1000 10000] [--explain]

A class of five attempts a student is stored by plain rows; then our own services and pages are timed on it, the median
of some turns. A rescore is told by submission, and so is the class table after a change, which reads the class anew.
A class of 100 submissions has 20 students: its table has 20 rows, that of larger ones 100.
``--explain`` prints the plan of every statement of these turns that reads a whole table.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import event, select, text, update

from app.auth.viewer import Viewer
from app.db import migrate
from app.queue.dbos_engine import DbosJobs
from app.regrades import service as regrades
from app.regrades.models import Kind, RegradeState
from app.regrades.preview import Previewer
from app.regrades.schemas import RegradeWish
from app.reports import service as reports
from app.settings import Settings
from app.submissions import submitting
from app.submissions.models import Submission
from app.users.models import User
from grader.submission import Part
from tests.integration.postgresql import Server
from tests.load.figures import Row, row
from tests.load.rescore_rate import publish_second_version
from tests.unit.pages.conftest import Course, open_course

ATTEMPTS = 5
TURNS = 20
AIM = 1.5
TABLE = "/dashboard/hw13"
Plans = set[str]


class Stored:
    """A class of so many submissions, and what is asked of it."""

    def __init__(self, settings: Settings, size: int) -> None:
        migrate.upgrade(settings)
        self.size = size
        self.jobs = DbosJobs(settings)
        self.course: Course = open_course(settings)
        self.database = self.course.database
        self.course.enrol(size // ATTEMPTS, ATTEMPTS)
        with self.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if connection.dialect.name == "postgresql":
                # Rows were given their numbers; a server that runs for a minute has looked at its tables.
                for table in ("runs", "evidence"):
                    connection.execute(text(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"))
                connection.execute(text("VACUUM ANALYZE"))
        generator = random.Random(size)
        with self.database.read() as session:
            ids = list(session.scalars(select(Submission.id).order_by(Submission.id)))
            people = list(session.scalars(select(User).where(User.login != self.course.viewer.login)))
            self.ids = [generator.choice(ids) for _ in range(TURNS)]
            self.people = [Viewer.of(generator.choice(people)) for _ in range(TURNS)]

    def close(self) -> None:
        """Let go of the database."""
        self.jobs.close()
        self.database.close()

    def post(self, turn: int) -> None:
        """A student hands in."""
        parts = {"answers": Part(f'{{"2.2": "softer", "note": "{uuid.uuid4()}"}}'.encode())}
        upload = submitting.Upload("hw13", None, "suggest", parts)
        viewer = self.people[turn]
        with self.database.write() as session:
            submission = submitting.add_submission(session, self.jobs, viewer, upload, None)
        with self.database.read() as session:
            reports.load_report(session, viewer, submission, "en")

    def report(self, turn: int) -> None:
        """Staff read a report."""
        with self.database.read() as session:
            reports.load_report(session, self.course.viewer, self.ids[turn], "en")

    def own_history(self, turn: int) -> None:
        """A student lists the hand-ins."""
        with self.database.read() as session:
            reports.list_submissions(session, self.people[turn])

    def history(self, turn: int) -> None:
        """Staff list the latest hand-ins of an assignment."""
        with self.database.read() as session:
            reports.list_submissions(session, self.course.viewer, assignment="hw13")

    def table(self, turn: int) -> None:
        """Staff open the class table, in which nothing has changed."""
        if self.course.get(TABLE).status_code != 200:
            raise RuntimeError("no class table")

    def changed_table(self, turn: int) -> None:
        """Staff open the class table after a change."""
        with self.database.write() as session:
            one = update(Submission).where(Submission.id == self.ids[turn])
            session.execute(one.values(revision=Submission.revision + 1))
        self.table(turn)

    def rescore(self) -> float:
        """Seconds a submission of the preview of a rescore of the whole class."""
        publish_second_version(self.database)
        with self.database.write() as session:
            wish = RegradeWish(assignment="hw13", kind=Kind.RESCORE)
            identifier = regrades.create(session, self.jobs, self.course.viewer, wish).id
        start = time.perf_counter()
        Previewer(self.database, self.jobs, lambda: False).run(identifier)
        seconds = time.perf_counter() - start
        with self.database.read() as session:
            seen = regrades.view(session, regrades.find(session, identifier))
        if seen.state is not RegradeState.PREVIEW or not seen.changed:
            raise RuntimeError(f"not what was measured: {seen}")
        return seconds / seen.total

    def measured(self) -> dict[str, float]:
        """Seconds of each thing; what grows with the class by its nature, by submission."""
        turns: dict[str, Callable[[int], None]] = {
            "POST with its report": self.post,
            "report": self.report,
            "a student's history": self.own_history,
            "staff's history": self.history,
            "class table": self.table,
        }
        found = {name: self._median(turn) for name, turn in turns.items()}
        found["class table after a change, a submission"] = self._median(self.changed_table, 5) / self.size
        return found | {"rescore preview, a submission": self.rescore()}

    def _median(self, turn: Callable[[int], None], turns: int = TURNS) -> float:
        times = []
        for number in range(turns):
            start = time.perf_counter()
            turn(number)
            times.append(time.perf_counter() - start)
        return statistics.median(times[1:])

    def plans(self) -> Plans:
        """The plans of all statements of the turns that read a whole table, with the statement."""
        statements: dict[str, Any] = {}

        def remember(connection: object, cursor: object, statement: str, parameters: Any, *_: object) -> None:
            statements.setdefault(statement, parameters)

        event.listen(self.database.engine, "before_cursor_execute", remember)
        for turn in (self.post, self.report, self.own_history, self.history, self.table, self.changed_table):
            turn(0)
        event.remove(self.database.engine, "before_cursor_execute", remember)
        explain = (
            "EXPLAIN QUERY PLAN " if self.database.engine.dialect.name == "sqlite" else "EXPLAIN (ANALYZE, COSTS OFF) "
        )
        found = set()
        with self.database.engine.connect() as connection:
            for statement, parameters in statements.items():
                if statement.startswith(("SELECT", "UPDATE")):
                    rows = connection.exec_driver_sql(explain + statement, parameters)
                    plan = "\n".join(str(row[-1]) for row in rows)
                    if "SCAN" in plan or "Seq Scan" in plan:
                        found.add(f"{' '.join(statement.split())}\n{plan}\n")
        return found


@contextmanager
def stored(kind: str, size: int) -> Iterator[Stored]:
    """A class in a database of its own, ``sqlite`` or ``postgresql``."""
    server = Server() if kind == "postgresql" else None
    try:
        with tempfile.TemporaryDirectory() as folder:
            url = server.create("growth") if server else f"sqlite:///{folder}/growth.sqlite3"
            found = Stored(Settings(data_dir=Path(folder), database_url=SecretStr(url)), size)
            try:
                yield found
            finally:
                found.close()
    finally:
        if server is not None:
            server.stop()


def measure(kinds: Sequence[str] = ("sqlite",), sizes: Sequence[int] = (100, 10_000)) -> list[Row]:
    """One row for each figure and size, against the smallest size."""
    rows: list[Row] = []
    for kind in kinds:
        few: dict[str, float] = {}
        for size in sizes:
            with stored(kind, size) as course:
                found = course.measured()
            few = few or found
            if found is not few:
                rows += [
                    row(
                        f"{name}, {size:,} submissions stored, {kind}",
                        seconds / few[name],
                        f"the same with {sizes[0]:,}",
                        AIM,
                        2,
                    )
                    for name, seconds in found.items()
                ]
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgresql"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--explain", action="store_true")
    chosen = parser.parse_args()
    if chosen.explain:
        for each in chosen.databases:
            with stored(each, chosen.sizes[-1]) as grown:
                for plan in sorted(grown.plans()):
                    print(plan)
    else:
        for result in measure(chosen.databases, chosen.sizes):
            print(result)
