"""The platform's own services: a token for us, and a score for a student.

1EdTech Security Framework 1.0, 4.1 (client credentials, RFC 7523); Assignment and Grade Services 2.0, 3.4.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from app.db.engine import Database
from app.lti import keys, outgoing
from app.lti.deliveries import Job
from app.lti.messages import SCORE_SCOPE
from app.lti.models import Platform
from app.lti.outgoing import PlatformAway, PlatformRefused

_MARGIN_SECONDS = 60
_SUBMISSION = "https://canvas.instructure.com/lti/submission"
"""Canvas takes a score for a new hand-in unless this says otherwise."""


@dataclass(frozen=True)
class Address:
    """What of a platform is needed to talk to it, apart from any session."""

    id: int
    client_id: str
    token_url: str
    token_audience: str

    @classmethod
    def of(cls, platform: Platform) -> Address:
        """The address of a platform."""
        return cls(platform.id, platform.client_id, platform.token_url, platform.token_audience)


class ScoreService:
    """Sends scores to platforms, with a token of each that is kept for as long as it lasts. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._tokens: dict[int, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def send(self, address: Address, job: Job) -> None:
        """Pass a score back. Raises `PlatformAway` or `PlatformRefused`."""
        try:
            self._post(self._token(address), job)
        except PlatformRefused as error:
            if error.status != 401:
                raise
            # The platform has forgotten the token before its time.
            with self._lock:
                self._tokens.pop(address.id, None)
            self._post(self._token(address), job)

    def _post(self, token: str, job: Job) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.ims.lis.v1.score+json"}
        outgoing.request("POST", scores_url(job.url), content=json.dumps(score(job)), headers=headers)

    def _token(self, address: Address) -> str:
        with self._lock:
            token, until = self._tokens.get(address.id, ("", 0.0))
        if time.monotonic() < until:
            return token
        claims = {
            "iss": address.client_id,
            "sub": address.client_id,
            "aud": address.token_audience,
            "jti": secrets.token_urlsafe(16),
        }
        with self.database.read() as session:
            assertion = keys.sign(session, claims)
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
            "scope": SCORE_SCOPE,
        }
        try:
            answer = outgoing.json_object("POST", address.token_url, data=form)
        except PlatformRefused as error:
            # No score is to blame: the registration or the key is, for all of them.
            raise PlatformAway(f"no token: {error}") from error
        found, lasts = answer.get("access_token"), answer.get("expires_in", 3600)
        if not isinstance(found, str) or not found.isascii() or not found.isprintable():
            raise PlatformAway(f"{address.token_url} answers without an access token")
        seconds = float(lasts) if isinstance(lasts, int | float) else 0.0
        with self._lock:
            self._tokens[address.id] = found, time.monotonic() + seconds - _MARGIN_SECONDS
        return found


def scores_url(line_item: str) -> str:
    """Where the scores of a line item go: before its query, which some platforms have."""
    parts = urlsplit(line_item)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/scores"))


def score(job: Job) -> dict[str, Any]:
    """A score as it is sent. Provisional points are pending until a person has looked."""
    review = job.wanted["review"]
    new = job.before is None or job.before["submission"] != job.wanted["submission"]
    return {
        "userId": job.subject,
        "timestamp": job.stamp.isoformat(timespec="milliseconds"),
        "activityProgress": "Submitted" if review else "Completed",
        "gradingProgress": "PendingManual" if review else "FullyGraded",
        "scoreGiven": job.wanted["score"],
        "scoreMaximum": job.wanted["max_score"],
        _SUBMISSION: {"new_submission": new, "submitted_at": job.wanted["submitted_at"]},
    }
