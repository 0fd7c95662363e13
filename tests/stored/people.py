"""What the people of a course do, over the HTTP API that every version has."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import httpx

ADMIN_TOKEN = "sesame-for-the-bootstrap-admin"
"""Like every token in the database, it was made for this database alone."""
ENDED = ("graded", "failed", "cancelled")


class Course:
    """What its people do over HTTP."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/api/v1", headers=bearer(ADMIN_TOKEN), timeout=120)
        self.count = 0

    def ask(self, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """A request, and the JSON of its answer."""
        answer = self.http.request(method, path, **more)
        assert answer.status_code == status, (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def student(self, name: str = "") -> str:
        """A new student's login."""
        self.count += 1
        login = name or f"s{self.count:03}"
        body = {"login": login, "name": f"Student {login}", "role": "student", "student_id": f"B{self.count:08}"}
        self.ask("POST", "/admin/users", 201, json=body)
        return login

    def submit(self, login: str, wait: bool = True, key: str | None = None, slug: str = "hw13", **parts: Any) -> str:
        """Submit for a student, with a token of theirs. Returns the submission's id."""
        token = self.ask("POST", f"/admin/users/{login}/tokens", 201)["token"]
        fields = {"assignment": slug, **parts}
        files = [(name, part if isinstance(part, tuple) else (None, part)) for name, part in fields.items()]
        headers = bearer(token) | ({"Idempotency-Key": key} if key else {})
        made = self.ask("POST", "/submissions", 202, files=files, headers=headers)["id"]
        return self.end(made) if wait else str(made)

    def end(self, submission: str, states: tuple[str, ...] = ENDED, seconds: float = 600) -> str:
        """Wait until a submission has one of these states."""
        until = time.monotonic() + seconds
        while (report := self.ask("GET", f"/submissions/{submission}"))["state"] not in states:
            assert time.monotonic() < until, report
            time.sleep(0.2)
        return submission

    def curve(self, submission: str, seconds: float = 600) -> str:
        """Wait for the measured curve."""
        until = time.monotonic() + seconds
        while True:
            report = self.ask("GET", f"/submissions/{submission}")
            pruning = next(question for question in report["questions"] if question["number"] == "3.1")
            if pruning["evidence"].get("curve"):
                return submission
            assert time.monotonic() < until, report
            time.sleep(0.5)

    def override(self, submission: str, question: str, score: float, reason: str) -> None:
        """Set points by hand."""
        path = f"/submissions/{submission}/questions/{question}/override"
        self.ask("PUT", path, json={"score": score, "reason": reason})

    def regrade(self, slug: str, kind: str = "rescore", end: str = "", **wish: Any) -> str:
        """Begin a regrade, wait for its preview, and publish, cancel or leave it."""
        made: str = self.ask("POST", "/admin/regrades", 202, json={"assignment": slug, "kind": kind, **wish})["id"]
        until = time.monotonic() + 600
        while (view := self.ask("GET", f"/admin/regrades/{made}"))["state"] == "running":
            assert time.monotonic() < until, view
            time.sleep(0.2)
        assert view["state"] == "preview", view
        for step in end.split():
            self.ask("POST", f"/admin/regrades/{made}/{step}")
        return made

    def request(
        self, submission: str, login: str, question: str, answer: dict[str, Any] | None, *, withdraw: bool = False
    ) -> None:
        """A student's regrade request, answered, withdrawn or left open."""
        headers = bearer(self.ask("POST", f"/admin/users/{login}/tokens", 201)["token"])
        path = f"/submissions/{submission}/questions/{question}/regrade-requests"
        made = self.ask("POST", path, 201, json={"reason": "Please read my comment."}, headers=headers)["id"]
        if withdraw:
            self.ask("POST", f"/regrade-requests/{made}/withdraw", headers=headers)
        elif answer is not None:
            self.ask("POST", f"/regrade-requests/{made}/answer", json=answer)

    def extend(self, slug: str, login: str, deadline: datetime) -> None:
        """Give a student a later deadline."""
        body = {"deadline": deadline.isoformat(), "reason": "ill"}
        self.ask("PUT", f"/assignments/{slug}/extensions/{login}", json=body)


def bearer(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"Bearer {token}"}
