"""A deadline at midnight: hundreds of hand-ins in a minute while all cores grade, everybody watching.

    python -m tests.load.deadline [--students 200] [--each 5] [--seconds 60]

Every student hands in several times at random moments of the minute; half of them then wait for the end of their
latest hand-in, half follow its events; a TA reloads the class table once a second. Told are whether everything that
was accepted ended graded, how latencies compare with those of the idle service in the same run, and how often a
second attempt was begun while somebody's first was waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import ssl
import statistics
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from pydantic import SecretStr

from app.db import migrate
from app.settings import Settings
from tests.integration.service import ADMIN_TOKEN, Service

LOSS = (Path(__file__).parents[2] / "examples" / "hw13-correct" / "loss.py").read_text(encoding="utf-8")
IDLE_ROUNDS = 30
_PATIENCE_SECONDS = 1800.0


@dataclass
class Seen:
    """Seconds by kind of request, and the ids that were accepted."""

    posts: list[float] = field(default_factory=list)
    tables: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    watched: int = 0


class Crowd:
    """The students and a TA, over one client each."""

    def __init__(self, url: str, tokens: list[str], seed: int) -> None:
        self.tokens, self.chance = tokens, random.Random(seed)
        # A client each: one pool of hundreds of connections would look through all of them for every request.
        context = ssl.create_default_context()
        self.clients = {
            token: httpx.AsyncClient(
                base_url=f"{url}/api/v1",
                timeout=120,
                headers={"Authorization": f"Bearer {token}"},
                verify=context,
                trust_env=False,
            )
            for token in (*tokens, ADMIN_TOKEN)
        }

    async def close(self) -> None:
        """End all connections."""
        for client in self.clients.values():
            await client.aclose()

    async def post(self, token: str, seen: Seen) -> str | None:
        """One hand-in that was never measured before: a loss and two answers."""
        files = [
            ("assignment", (None, "hw13")),
            ("loss", (None, f"{LOSS}\n# {uuid.uuid4()}\n")),
            ("answers", (None, '{"2.2": "softer", "3.2": "no"}')),
        ]
        begun = time.perf_counter()
        answer = await self.clients[token].post("/submissions", files=files)
        seen.posts.append(time.perf_counter() - begun)
        if answer.status_code != 202:
            seen.refused.append(answer.text[:200])
            return None
        seen.accepted.append(answer.json()["id"])
        return seen.accepted[-1]

    async def table(self, seen: Seen) -> None:
        """The class table, as the dashboard's data."""
        begun = time.perf_counter()
        answer = await self.clients[ADMIN_TOKEN].get("/scores", params={"assignment": "hw13"})
        answer.raise_for_status()
        seen.tables.append(time.perf_counter() - begun)

    async def follow(self, token: str, submission: str, seen: Seen, stream: bool) -> None:
        """Wait for the end or read the events; a student who closes the page is nobody's loss."""
        client = self.clients[token]
        with contextlib.suppress(httpx.HTTPError):
            if stream:
                async with client.stream("GET", f"/submissions/{submission}/events") as events:
                    async for line in events.aiter_lines():
                        if line == "event: done":
                            break
            else:
                await client.get(f"/submissions/{submission}", params={"wait": 30})
            seen.watched += 1

    async def rush(self, each: int, seconds: float, seen: Seen) -> None:
        """Everybody, within the given time; returns when the last hand-in is posted, with nobody left watching."""
        watching: list[asyncio.Task[None]] = []

        async def student(number: int, token: str) -> None:
            for moment in sorted(self.chance.uniform(0, seconds) for _ in range(each)):
                await asyncio.sleep(max(0, begun + moment - time.monotonic()))
                submission = await self.post(token, seen)
                if submission is not None:
                    watching.append(asyncio.create_task(self.follow(token, submission, seen, number % 2 == 0)))

        async def assistant() -> None:
            while True:
                await self.table(seen)
                await asyncio.sleep(1)

        begun = time.monotonic()
        helper = asyncio.create_task(assistant())
        await asyncio.gather(*(student(number, token) for number, token in enumerate(self.tokens)))
        for task in (helper, *watching):
            task.cancel()
        await asyncio.gather(helper, *watching, return_exceptions=True)


def drain(service: Service, seen: Seen) -> list[dict[str, object]]:
    """Wait until everything has ended; the rows of all submissions."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        waiting = sum(
            len(service.admin.get("/submissions", params={"state": state}).json()["items"])
            for state in ("queued", "running")
        )
        if not waiting:
            break
        time.sleep(1)
    return [service.admin.report(submission) for submission in seen.accepted]


def overtaken(reports: list[dict[str, object]]) -> int:
    """How many second or later attempts were begun while a first attempt that had come before was waiting."""
    begun: list[tuple[datetime, datetime, int]] = []
    for report in reports:
        submitted = datetime.fromisoformat(str(report["submitted_at"]))
        timings = report["timings"]
        assert isinstance(timings, dict)
        begun.append((submitted, submitted + timedelta(seconds=timings["queued"]), int(str(report["attempt"]))))
    firsts = [(submitted, start) for submitted, start, attempt in begun if attempt == 1]
    return sum(
        any(first_submitted < submitted and start < first_start for first_submitted, first_start in firsts)
        for submitted, start, attempt in begun
        if attempt > 1
    )


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def measure(students: int = 60, each: int = 3, seconds: float = 15.0, seed: int = 13) -> list[dict[str, object]]:
    """One row a figure. The defaults are a small deadline of a quarter of a minute, for `make bench`."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            database_url=SecretStr(f"sqlite:///{folder}/bench.sqlite3"),
            admin_token=SecretStr(ADMIN_TOKEN),
        )
        migrate.upgrade(settings)
        service = Service(settings, worker=True)
        try:
            service.wait_for("worker started", 120)
            tokens = [token for token in (service.person().token for _ in range(students)) if token]
            idle, busy = Seen(), Seen()

            async def both() -> None:
                crowd = Crowd(service.url, tokens, seed)
                lonely = Crowd(service.url, [str(service.person().token), str(service.person().token)], seed)
                for number in range(IDLE_ROUNDS):
                    submission = await lonely.post(lonely.tokens[number % 2], idle)
                    await lonely.table(idle)
                    if submission:
                        await lonely.follow(lonely.tokens[number % 2], submission, idle, stream=False)
                await crowd.rush(each, seconds, busy)
                await crowd.close()
                await lonely.close()

            asyncio.run(both())
            reports = drain(service, busy)
        finally:
            service.close()
    graded = sum(report["state"] == "graded" for report in reports)
    sent = students * each
    shares = (
        (f"graded of {sent} hand-ins in {seconds:g} s", graded, 1),
        ("second attempts before somebody's first", overtaken(reports), 0),
    )
    rows: list[dict[str, object]] = [
        {"figure": f"deadline: {what}", "ratio": round(count / sent, 4), "anchor": "sent", "aim": aim}
        for what, count, aim in shares
    ]
    for name, alone, crowded in (("POST", idle.posts, busy.posts), ("class table", idle.tables, busy.tables)):
        anchor = statistics.median(alone)
        for share, aim in ((0.5, None), (0.99, 10)):
            ratio = round(percentile(crowded, share) / anchor, 2)
            figure = f"deadline: {name}, {share:.0%} answered within"
            rows.append({"figure": figure, "ratio": ratio, "anchor": f"idle median {name}", "aim": aim})
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--each", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60.0)
    chosen = parser.parse_args()
    for result in measure(chosen.students, chosen.each, chosen.seconds):
        print(json.dumps(result))
