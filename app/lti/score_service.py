"""Requests to a platform's services: fetch an access token, send a student's score.

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
from app.lti.deliveries import OutgoingScore
from app.lti.messages import SCORE_SCOPE
from app.lti.models import Platform
from app.lti.outgoing import PlatformAway, PlatformRefused

_MARGIN_SECONDS = 60
_SUBMISSION = "https://canvas.instructure.com/lti/submission"
"""Canvas counts a score as a new submission unless this says otherwise."""


@dataclass(frozen=True)
class Address:
    """What a request to a platform needs, independent of any database session."""

    id: int
    client_id: str
    token_url: str
    token_audience: str

    @classmethod
    def of(cls, platform: Platform) -> Address:
        """The address of a platform."""
        return cls(platform.id, platform.client_id, platform.token_url, platform.token_audience)


class ScoreService:
    """Sends scores to platforms and caches the access token of each until it expires. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._tokens: dict[int, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def send(self, address: Address, score: OutgoingScore) -> None:
        """Pass a score back. Raises `PlatformAway` or `PlatformRefused`."""
        try:
            self._post(self.token(address), score)
        except PlatformRefused as error:
            if error.status != 401:
                raise
            # The platform may drop a token before it expires: fetch a new one once.
            with self._lock:
                self._tokens.pop(address.id, None)
            self._post(self.token(address), score)

    def _post(self, token: str, score: OutgoingScore) -> None:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/vnd.ims.lis.v1.score+json"}
        outgoing.request("POST", scores_url(score.url), content=json.dumps(score_body(score)), headers=headers)

    def token(self, address: Address) -> str:
        """An access token, from the cache or the platform. Raises `PlatformAway`."""
        with self._lock:
            cached, expires_at = self._tokens.get(address.id, ("", 0.0))
        if time.monotonic() < expires_at:
            return cached
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
            # A refused token is a fault of the registration or the key, which all scores share.
            raise PlatformAway(f"no token: {error}") from error
        token, lasts = answer.get("access_token"), answer.get("expires_in", 3600)
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise PlatformAway(f"{address.token_url} answers without an access token")
        seconds = float(lasts) if isinstance(lasts, int | float) else 0.0
        with self._lock:
            self._tokens[address.id] = token, time.monotonic() + seconds - _MARGIN_SECONDS
        return token


def scores_url(line_item: str) -> str:
    """The address of a line item's scores. Some platforms have a query in the line item's address; it stays last."""
    parts = urlsplit(line_item)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/scores"))


def score_body(score: OutgoingScore) -> dict[str, Any]:
    """The JSON body of a score. Provisional points are pending until they are reviewed.

    So is the score so far without withheld results; only the platform's other word says that nobody has to act.
    """
    review, withheld = score.wanted["review"], score.wanted.get("withheld", False)
    new = score.before is None or score.before["submission"] != score.wanted["submission"]
    return {
        "userId": score.subject,
        "timestamp": score.stamp.isoformat(timespec="milliseconds"),
        "activityProgress": "Submitted" if review or withheld else "Completed",
        "gradingProgress": "PendingManual" if review else "Pending" if withheld else "FullyGraded",
        "scoreGiven": score.wanted["score"],
        "scoreMaximum": score.wanted["max_score"],
        _SUBMISSION: {"new_submission": new, "submitted_at": score.wanted["submitted_at"]},
    }
