"""Requests to platforms, without redirects, with limits on their time and on the size of answers.

A failure either says something about the whole platform (`PlatformAway`) or about the one request (`PlatformRefused`).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from app.db.base import now

_TIMEOUT = httpx.Timeout(5)
"""For each read and write."""
_TOTAL_SECONDS = 15.0
"""For a request with its whole answer: one byte every four seconds would never meet the timeout."""
_MAX_BYTES = 256 * 1024
_QUOTED_BYTES = 200
"""Bytes of a refusal that are shown and logged."""


class PlatformAway(Exception):
    """The platform does not answer, or not now; ``retry_after`` are the seconds it asks the client to wait, if any."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class PlatformRefused(Exception):
    """The platform refuses this request; other requests may succeed.

    Internal errors count as refusals: Moodle answers 500 for one locked grade and accepts the other grades.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


_AWAY_STATUSES = {408, 425, 429, 503}
"""Statuses that no request of this kind would avoid now (RFC 9110, RFC 8470, RFC 6585)."""


@dataclass(frozen=True)
class Answer:
    """A successful answer: its body, and the platform's time if it says it."""

    body: bytes
    date: datetime | None

    def json_object(self, url: str) -> dict[str, Any]:
        """The body as a JSON object. Raises `PlatformAway`."""
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise PlatformAway(f"{url} answers with something that is not JSON") from error
        if not isinstance(document, dict):
            raise PlatformAway(f"{url} answers with something that is not a JSON object")
        return document


def request(method: str, url: str, **options: Any) -> Answer:
    """A successful answer. Raises `PlatformAway` or `PlatformRefused`. Not for a thread with a loop."""
    try:
        answer, body = asyncio.run(_exchange(method, url, **options))
    except httpx.InvalidURL as error:
        raise PlatformRefused(f"{url}: {error}", 0) from error
    except httpx.HTTPError as error:
        raise PlatformAway(f"{url}: {error or type(error).__name__}") from error
    except TimeoutError as error:
        raise PlatformAway(f"{url} takes more than {_TOTAL_SECONDS:g} seconds") from error
    if answer.is_success and len(body) <= _MAX_BYTES:
        return Answer(body, _date(answer.headers.get("Date", "")))
    if answer.is_success:
        raise PlatformAway(f"{url} answers with more than {_MAX_BYTES:,} bytes")
    quoted = "".join(char if char.isprintable() else " " for char in body[:_QUOTED_BYTES].decode("utf-8", "replace"))
    # Moodle says the reason in the status line alone.
    status_line = f"{answer.status_code} {answer.reason_phrase}".strip()
    message = f"{url} answers {status_line}: {quoted}"
    if answer.status_code in _AWAY_STATUSES:
        raise PlatformAway(message, _retry_after(answer.headers.get("Retry-After", "")))
    raise PlatformRefused(message, answer.status_code)


async def _exchange(method: str, url: str, **options: Any) -> tuple[httpx.Response, bytes]:
    """The answer and the beginning of its body, in a loop because only a task can be ended while it waits."""
    async with (
        asyncio.timeout(_TOTAL_SECONDS),
        # Without compression the limit holds for what the answer expands to.
        httpx.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, headers={"Accept-Encoding": "identity"}) as client,
        client.stream(method, url, **options) as answer,
    ):
        limit = _MAX_BYTES if answer.is_success else _QUOTED_BYTES
        body = b""
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > limit:
                break
    return answer, body


def _retry_after(header: str) -> float | None:
    """Seconds to wait, from a number or a date (RFC 9110, 10.2.3)."""
    if header.isascii() and header.isdigit():
        return float(header)
    moment = _date(header)
    return None if moment is None else max(0.0, (moment - now()).total_seconds())


def _date(header: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def json_object(method: str, url: str, **options: Any) -> dict[str, Any]:
    """The JSON object of a successful answer. Raises `PlatformAway` or `PlatformRefused`."""
    return request(method, url, **options).json_object(url)
