"""Every hostile submission as a student would send it: over HTTP, through the queue, to a worker.

    python -m tests.hostile.over_http [words]

sends all of them (or those whose names hold one of the words), several at once, prints what ended otherwise than its
file says, and exits 1 if anything did. The assignment is the worked one with small pictures and low limits.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from app.assignments import service as assignments
from app.db import migrate
from app.db.engine import Database
from app.settings import Settings
from grader import assignment_check, stored_evidence
from grader.assignment import ASSIGNMENTS
from grader.evidence import CodeEvidence, Outcome
from grader.sandbox.supervisor import Sandbox
from grader.scoring import Verdict
from tests.hostile import submission
from tests.hostile.submission import LOWERED, Submission
from tests.integration.service import ADMIN_TOKEN, Service, ServiceInProcess, Site, questions

LIMITS = {**LOWERED, "cpu_seconds": 20, "wall_seconds": 40}
"""One assignment for all: time enough that memory runs out before the processor time does."""


def publish_lowered(settings: Settings) -> None:
    """Publish the worked assignment with low limits as its first version."""
    database = Database(settings)
    with tempfile.TemporaryDirectory() as folder, database.write() as session:
        copy = Path(shutil.copytree(ASSIGNMENTS / "hw13", Path(folder, "hw13")))
        text = (copy / "assignment.toml").read_text()
        limits = "\n".join(f"{name} = {value}" for name, value in LIMITS.items())
        text = text.replace("input_shape = [3, 224, 224]", "input_shape = [3, 32, 32]")
        text = text.replace("[sandbox]\n", f"[sandbox]\n{limits}\n").replace("version = 1\n", "version = 2\n")
        (copy / "assignment.toml").write_text(text)
        assignment, faults = assignment_check.check(copy)
        assert assignment is not None, faults
        assignments.publish_version(session, assignment, actor="the hostile tests")
    database.close()


def ends_otherwise(service: Site, hostile: Submission) -> dict[str, object]:
    """Send one submission, and an honest one after it. Returns the differences from the outcome in the file."""
    student = service.person()
    parts = {name: (part.filename or "upload", part.data) for name, part in hostile.parts().parts.items()}
    report = student.report(student.submit(**parts), wait=60)
    for _ in range(3):
        if report["state"] in ("graded", "failed"):
            break
        report = student.report(report["id"], wait=60)
    question = questions(report)[hostile.question]
    evidence = stored_evidence.parse(question["evidence"])
    assert isinstance(evidence, CodeEvidence)
    differences = hostile.differences(evidence, Verdict(question["verdict"]), question["score"])
    if hostile.outcome is Outcome.TIMEOUT:
        differences.pop("limit", None)  # under load it is the wall time that ends what would use up its processor time
    after = student.report(student.submit(loss=("loss.py", Path("examples/hw13-correct/loss.py").read_bytes())), 60)
    if questions(after)["2.1"]["verdict"] != "full":
        differences["honest submission after it"] = questions(after)["2.1"]
    return differences


@contextmanager
def service(sandbox: Sandbox | None = None) -> Iterator[Site]:
    """A service of its own with a worker; in this process if it is given a sandbox."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            database_url=SecretStr(f"sqlite:///{folder}/assay.sqlite3"),
            admin_token=SecretStr(ADMIN_TOKEN),
        )
        migrate.upgrade(settings)
        publish_lowered(settings)
        running = Service(settings, worker=True, fresh=True) if sandbox is None else ServiceInProcess(settings, sandbox)
        try:
            yield running
        finally:
            running.close()


def send(chosen: Iterable[Submission]) -> int:
    """Send them all, print what ended otherwise, return how many did."""
    wrong = total = 0
    with service() as running, ThreadPoolExecutor(4) as pool:
        for hostile, differences in pool.map(lambda one: (one, ends_otherwise(running, one)), chosen):
            total += 1
            if differences:
                wrong += 1
                print(f"{hostile.name}: {differences}", flush=True)
    print(f"{total - wrong} passed, {wrong} failed")
    return wrong


if __name__ == "__main__":
    words = sys.argv[1:]
    everything = [one for one in submission.everything() if not words or any(word in one.name for word in words)]
    raise SystemExit(send(everything) > 0)
