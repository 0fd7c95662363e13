"""Moodle's answers to scores and requests for tokens: recorded by the kit, given by the tests' fake platform."""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from app.db.engine import Database
from app.lti import keys
from app.lti.messages import SCORE_SCOPE
from app.lti.models import Passback, Platform
from app.lti.score_service import scores_url
from tests.platforms.moodle import Moodle

FILE = Path(__file__).with_name("moodle-answers.json")


@dataclass(frozen=True)
class Answer:
    """An answer, with the grade that the gradebook shows after it. Its texts have no dates and numbers."""

    status: int
    reason: str
    body: str
    grade: float | None = None


def recorded() -> dict[str, Answer]:
    """The answers of a real Moodle, by what was sent."""
    return {kind: Answer(**answer) for kind, answer in json.loads(FILE.read_text())["answers"].items()}


def record(release: str, answers: dict[str, Answer]) -> None:
    """Store what a Moodle answered."""
    document = {"moodle": release, "answers": {kind: asdict(answer) for kind, answer in answers.items()}}
    FILE.write_text(json.dumps(document, indent=2) + "\n")


class Prober:
    """Sends scores of one student as the service would, one by one, and looks at the answers."""

    def __init__(self, moodle: Moodle, database: Database, activity: int, login: str) -> None:
        self.moodle = moodle
        self.database = database
        self.activity = activity
        self.login = login
        self.subject = str(moodle.user(login))
        with database.read() as session:
            row = session.scalars(select(Passback).where(Passback.subject == self.subject)).one()
            self.url = scores_url(row.line_item.url)
            self.platform: Platform = row.line_item.platform

    def ask_for_token(self) -> httpx.Response:
        """The answer to a request for a token."""
        claims = {"iss": self.platform.client_id, "sub": self.platform.client_id, "aud": self.platform.token_audience}
        with self.database.read() as session:
            assertion = keys.sign(session, {**claims, "jti": secrets.token_urlsafe(16)})
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
            "scope": SCORE_SCOPE,
        }
        return httpx.post(self.platform.token_url, data=form, timeout=120)

    def token_answer(self) -> Answer:
        """The answer to a request for a token, without a token."""
        return self._answer(self.ask_for_token(), None)

    def score(self, given: float, progress: str, seconds: float = 0.0) -> Answer:
        """Send a score that is dated by so many seconds from now."""
        token = self.ask_for_token().json()["access_token"]
        body: dict[str, Any] = {
            "userId": self.subject,
            "timestamp": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds"),
            "activityProgress": "Completed" if progress == "FullyGraded" else "Submitted",
            "gradingProgress": progress,
            "scoreGiven": given,
            "scoreMaximum": 4.0,
        }
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.ims.lis.v1.score+json"}
        answer = httpx.post(self.url, content=json.dumps(body), headers=headers, timeout=120)
        return self._answer(answer, self.moodle.grade(self.activity, self.login))

    def _answer(self, answer: httpx.Response, grade: float | None) -> Answer:
        reason, body = (_without_numbers(text) for text in (answer.reason_phrase, answer.text[:300]))
        # Moodle repeats the whole score in the reason of a 400.
        return Answer(answer.status_code, reason.partition("{")[0], body, grade)


def _without_numbers(text: str) -> str:
    """A text without dates and numbers of records, which differ in each Moodle."""
    return re.sub(r"(?<!\w)\d+(?!\w)", "N", re.sub(r"\d{4}-\d\d-\d\dT[\d:.+-]+", "DATE", text))
