"""A deadline: hundreds of submissions in a minute while all cores grade and every student follows.

    python -m tests.load.deadline [--students 200] [--each 5] [--seconds 60] [--database postgresql] [--small-course 10]

Every student submits several times at random moments of the minute; half of them then wait for the end of their
latest submission, half follow its events; a TA reloads the class table once a second. The rows say whether everything
that was accepted was graded, how latencies compare with those of the idle service in the same run, and how often a
second attempt began while somebody's first was waiting. With `--small-course` so many more students of a second course
have their deadline in the same minute, and the rows say how long each course waited for a free worker.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import random
import ssl
import statistics
import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from app.assignments import service as assignments
from app.courses import service as courses
from app.courses.names import course_of
from app.db.engine import Database
from app.users import service as users
from app.users.models import Role
from grader.assignment import bundled
from tests.integration.postgresql import Server as PostgresqlServer
from tests.integration.service import ADMIN_TOKEN, Service
from tests.load.figures import Row, row, running_service

LOSS = (Path(__file__).parents[2] / "examples" / "hw13-correct" / "loss.py").read_text(encoding="utf-8")
IDLE_ROUNDS = 30
SMALL = "small"
"""The second course."""
_PATIENCE_SECONDS = 1800.0


@dataclass
class Measurements:
    """Seconds by kind of request, and the ids that were accepted."""

    posts: list[float] = field(default_factory=list)
    tables: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    watched: int = 0


class Crowd:
    """The students and a TA, over one client each. ``of_small`` are the tokens of the second course's students."""

    def __init__(self, url: str, tokens: list[str], seed: int, of_small: Collection[str] = ()) -> None:
        self.tokens, self.generator = [*tokens, *of_small], random.Random(seed)
        self.of_small = frozenset(of_small)
        # A client for each student: one pool of hundreds of connections would search all of them for every request.
        context = ssl.create_default_context()
        self.clients = {
            token: httpx.AsyncClient(
                base_url=f"{url}/api/v1",
                timeout=120,
                headers={"Authorization": f"Bearer {token}"},
                verify=context,
                trust_env=False,
            )
            for token in (*self.tokens, ADMIN_TOKEN)
        }

    async def close(self) -> None:
        """End all connections."""
        for client in self.clients.values():
            await client.aclose()

    async def post(self, token: str, measurements: Measurements) -> str | None:
        """Submit a loss and two answers that were never measured before."""
        slug = f"{SMALL}.hw13" if token in self.of_small else "hw13"
        files = [
            ("assignment", (None, slug)),
            ("loss", (None, f"{LOSS}\n# {uuid.uuid4()}\n")),
            ("answers", (None, '{"2.2": "softer", "3.2": "no"}')),
        ]
        start_time = time.perf_counter()
        answer = await self.clients[token].post("/submissions", files=files)
        measurements.posts.append(time.perf_counter() - start_time)
        if answer.status_code != 202:
            measurements.refused.append(answer.text[:200])
            return None
        measurements.accepted.append(answer.json()["id"])
        return measurements.accepted[-1]

    async def table(self, measurements: Measurements) -> None:
        """Read the class table's data."""
        start_time = time.perf_counter()
        answer = await self.clients[ADMIN_TOKEN].get("/scores", params={"assignment": "hw13"})
        answer.raise_for_status()
        measurements.tables.append(time.perf_counter() - start_time)

    async def follow(self, token: str, submission: str, measurements: Measurements, stream: bool) -> None:
        """Wait for the end or read the events; a connection that fails does not matter."""
        client = self.clients[token]
        with contextlib.suppress(httpx.HTTPError):
            if stream:
                async with client.stream("GET", f"/submissions/{submission}/events") as events:
                    async for line in events.aiter_lines():
                        if line == "event: done":
                            break
            else:
                await client.get(f"/submissions/{submission}", params={"wait": 30})
            measurements.watched += 1

    async def rush(self, each: int, seconds: float, measurements: Measurements) -> None:
        """Let everybody submit within ``seconds``. Returns after the last POST, and ends all watchers."""
        watching: list[asyncio.Task[None]] = []

        async def student(number: int, token: str) -> None:
            for moment in sorted(self.generator.uniform(0, seconds) for _ in range(each)):
                await asyncio.sleep(max(0, start_time + moment - time.monotonic()))
                submission = await self.post(token, measurements)
                if submission is not None:
                    watching.append(asyncio.create_task(self.follow(token, submission, measurements, number % 2 == 0)))

        async def assistant() -> None:
            while True:
                await self.table(measurements)
                await asyncio.sleep(1)

        start_time = time.monotonic()
        helper = asyncio.create_task(assistant())
        await asyncio.gather(*(student(number, token) for number, token in enumerate(self.tokens)))
        for task in (helper, *watching):
            task.cancel()
        await asyncio.gather(helper, *watching, return_exceptions=True)


def drain(service: Service, measurements: Measurements) -> list[dict[str, Any]]:
    """Wait until everything has ended. Returns the reports of all accepted submissions."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        waiting = sum(
            len(service.admin.get("/submissions", params={"state": state}).json()["items"])
            for state in ("queued", "running")
        )
        if not waiting:
            break
        time.sleep(1)
    return [service.admin.report(submission) for submission in measurements.accepted]


def overtaken(reports: Sequence[Mapping[str, Any]]) -> int:
    """The number of later attempts that began while an earlier submitted first attempt of their course was waiting.

    Workers take from each course in turn, so attempts of different courses do not overtake each other.
    """
    by_course: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for report in reports:
        by_course[course_of(report["assignment"])].append(report)
    return sum(map(_overtaken_in_course, by_course.values()))


def _overtaken_in_course(reports: Sequence[Mapping[str, Any]]) -> int:
    starts: list[tuple[datetime, datetime, int]] = []
    for report in reports:
        submitted = datetime.fromisoformat(str(report["submitted_at"]))
        timings = report["timings"]
        assert isinstance(timings, dict)
        starts.append((submitted, submitted + timedelta(seconds=timings["queued"]), int(str(report["attempt"]))))
    firsts = [(submitted, start) for submitted, start, attempt in starts if attempt == 1]
    return sum(
        any(first_submitted < submitted and start < first_start for first_submitted, first_start in firsts)
        for submitted, start, attempt in starts
        if attempt > 1
    )


def small_course(service: Service, students: int) -> list[str]:
    """A second course with its own assignment. Returns the tokens of its students."""
    database = Database(service.settings)
    with database.write() as session:
        courses.create(session, SMALL, "A small course", actor="bench")
        assignments.publish(session, bundled("hw13"), SMALL)
        people = [
            users.create_user(session, login=f"small{number}", name="S", role=Role.STUDENT, actor="bench", course=SMALL)
            for number in range(students)
        ]
        tokens = [users.create_token(session, person, actor="bench").secret for person in people]
    database.close()
    return tokens


def waits_by_course(reports: Sequence[Mapping[str, Any]]) -> list[Row]:
    """How long first attempts waited for a worker in each course, against the median of them all."""
    waits: dict[str, list[float]] = defaultdict(list)
    for report in reports:
        if report["attempt"] == 1:
            waits[course_of(report["assignment"])].append(report["timings"]["queued"])
    anchor = statistics.median(wait for each in waits.values() for wait in each)
    return [
        row(f"deadline: {course}, {share:.0%} of {len(each)} first attempts waited", percentile(each, share) / anchor,
            f"median wait of both, {anchor:.1f} s", None, 2)
        for course, each in sorted(waits.items())
        for share in (0.5, 0.99)
    ]  # fmt: skip


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(
    students: int = 60,
    each: int = 3,
    seconds: float = 15.0,
    seed: int = 13,
    database_url: str = "",
    small_students: int = 0,
) -> list[Row]:
    """One row for each figure. The defaults are a small deadline of a quarter of a minute, for `make bench`.

    Without ``database_url`` the service stores everything in SQLite.
    """
    with running_service(**({"database_url": SecretStr(database_url)} if database_url else {})) as service:
        tokens = [token for token in (service.person().token for _ in range(students)) if token]
        of_small = small_course(service, small_students) if small_students else []
        idle, busy = Measurements(), Measurements()

        async def measure_both() -> None:
            crowd = Crowd(service.url, tokens, seed, of_small)
            quiet = Crowd(service.url, [str(service.person().token), str(service.person().token)], seed)
            for number in range(IDLE_ROUNDS):
                submission = await quiet.post(quiet.tokens[number % 2], idle)
                await quiet.table(idle)
                if submission:
                    await quiet.follow(quiet.tokens[number % 2], submission, idle, stream=False)
            # A pause of this process would count as one of the service.
            gc.collect()
            gc.disable()
            await crowd.rush(each, seconds, busy)
            gc.enable()
            await crowd.close()
            await quiet.close()

        asyncio.run(measure_both())
        reports = drain(service, busy)
    graded = sum(report["state"] == "graded" for report in reports)
    sent = (students + small_students) * each
    shares = (
        (f"graded of {sent} hand-ins in {seconds:g} s", graded, 1),
        ("second attempts before somebody's first", overtaken(reports), 0),
    )
    rows = [row(f"deadline: {what}", count / sent, "sent", aim, 4) for what, count, aim in shares]
    for name, alone, crowded in (("POST", idle.posts, busy.posts), ("class table", idle.tables, busy.tables)):
        anchor = statistics.median(alone)
        rows += [
            row(
                f"deadline: {name}, {share:.0%} answered within",
                percentile(crowded, share) / anchor,
                f"idle median {name}",
                aim,
                2,
            )
            for share, aim in ((0.5, None), (0.99, 10))
        ]
    return [*rows, *(waits_by_course(reports) if of_small else [])]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--small-course", type=int, default=0, metavar="STUDENTS")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    chosen = parser.parse_args()
    server = PostgresqlServer() if chosen.database == "postgresql" else None
    try:
        url = server.create("deadline") if server else ""
        results = measure(
            chosen.students, chosen.each, chosen.seconds, database_url=url, small_students=chosen.small_course
        )
    finally:
        if server:
            server.stop()
    for result in results:
        print(json.dumps(result))
