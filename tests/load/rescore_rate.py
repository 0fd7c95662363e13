"""How many stored submissions a second a rescore previews, publishes and takes back, on both databases.

The anchor is one grading of the example in the sandbox, which a rescore saves. Run it with
``python -m tests.load.rescore_rate``.
"""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from app.assignments import service as assignments
from app.auth.viewer import Viewer
from app.db import migrate
from app.db.base import now
from app.db.engine import Database
from app.queue.dbos_engine import DbosJobs
from app.regrades import service
from app.regrades.models import Kind, RegradeState
from app.regrades.preview import Previewer
from app.regrades.schemas import RegradeWish
from app.scores import computing
from app.settings import Settings
from app.submissions.models import Run, RunOutcome, State, Submission
from app.users import service as users
from app.users.models import Role
from grader import pipeline
from grader.assignment import bundled, from_files
from grader.evidence import Evidence
from grader.sandbox.supervisor import Sandbox
from tests.example_submission import example_submission
from tests.integration.postgresql import Server
from tests.load.figures import Row, row

SUBMISSIONS = 3000


def graded_example() -> tuple[Mapping[str, Evidence], float]:
    """The evidence of the example, and the seconds that measuring it took."""
    with Sandbox() as sandbox:
        start = time.perf_counter()
        evidence = pipeline.grade(bundled("hw13"), example_submission(), sandbox).evidence
        return evidence, time.perf_counter() - start


def fill(database: Database, evidence: Mapping[str, Evidence], count: int) -> Viewer:
    """A class of so many submissions with this evidence. Returns its admin."""
    with database.write() as session:
        assignments.publish_bundled(session)
        assignment = assignments.current(session, "hw13")
        admin = users.create_user(session, login="boss", name="Boss", role=Role.ADMIN, actor="bench")
        for number in range(count):
            submission = Submission(
                user_id=admin.id,
                assignment_id=assignment.id,
                attempt=number + 1,
                state=State.GRADED,
                repair="suggest",
                content_key=uuid.uuid4().hex,
                body_digest="",
                submitted_by_id=admin.id,
                finished_at=now(),
            )
            session.add(submission)
            session.flush()
            run = Run(
                submission_id=submission.id,
                number=1,
                assignment_id=assignment.id,
                grader_version="bench",
                content_key=submission.content_key,
                executor="bench",
                outcome=RunOutcome.FINISHED,
            )
            session.add(run)
            session.flush()
            submission.run_id = run.id
            computing.store(session, run, evidence, assignment)
        return Viewer.of(admin)


def publish_second_version(database: Database) -> None:
    """A version that takes a quarter of a point from everybody."""
    files = dict(bundled("hw13").files)
    text = (
        files["assignment.toml"].replace("version = 1\n", "version = 2\n").replace('key = "softer"', 'key = "harder"')
    )
    with database.write() as session:
        assignments.publish_version(session, from_files(files | {"assignment.toml": text}), "bench")


def rates(settings: Settings, evidence: Mapping[str, Evidence], count: int = SUBMISSIONS) -> dict[str, float]:
    """Submissions a second of each step."""
    migrate.upgrade(settings)
    database, jobs = Database(settings), DbosJobs(settings)
    admin = fill(database, evidence, count)
    publish_second_version(database)
    with database.write() as session:
        regrade = service.create(session, jobs, admin, RegradeWish(assignment="hw13", kind=Kind.RESCORE)).id

    def publish() -> None:
        with database.write() as session:
            service.publish(session, admin, regrade)

    def revert() -> None:
        with database.write() as session:
            service.revert(session, admin, regrade)

    found = {
        "preview": count / _seconds(lambda: Previewer(database, jobs, lambda: False).run(regrade)),
        "publish": count / _seconds(publish),
        "revert": count / _seconds(revert),
    }
    with database.read() as session:
        seen = service.view(session, service.find(session, regrade))
    if (seen.state, seen.changed) != (RegradeState.REVERTED, count):
        raise RuntimeError(f"not what was measured: {seen}")
    jobs.close()
    database.close()
    return found


def _seconds(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def measure(count: int = 1000) -> list[Row]:
    """One row for each figure, against the first stage of the example."""
    submission = example_submission()
    with Sandbox() as sandbox:
        pipeline.run_first_stage(bundled("hw13"), submission, sandbox)
        start = time.perf_counter()
        evidence = pipeline.run_first_stage(bundled("hw13"), submission, sandbox).evidence
        seconds = time.perf_counter() - start
    with databases() as kinds:
        return [
            row(
                f"rescore: {step}, times a submission's grading, {name}",
                rate * seconds,
                "the verdicts of the example",
                digits=0,
            )
            for name, settings in kinds.items()
            for step, rate in rates(settings, evidence, count).items()
        ]


@contextmanager
def databases() -> Iterator[dict[str, Settings]]:
    """Empty databases of both kinds."""
    server = Server()
    try:
        with tempfile.TemporaryDirectory() as folder:
            urls = {"SQLite": f"sqlite:///{folder}/bench.sqlite3", "PostgreSQL": server.create("bench")}
            yield {
                name: Settings(data_dir=Path(folder) / name, database_url=SecretStr(url)) for name, url in urls.items()
            }
    finally:
        server.stop()


def main() -> None:
    """Print one line a step."""
    evidence, seconds = graded_example()
    with databases() as kinds:
        for name, settings in kinds.items():
            for step, rate in rates(settings, evidence).items():
                print(f"{name:<10} {step:<8} {rate:>8.0f} submissions a second, {rate * seconds:>8.0f} times a grading")


if __name__ == "__main__":
    main()
