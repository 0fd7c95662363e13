"""Requests to platforms: no redirects, a few seconds, small answers."""

from __future__ import annotations

import json
from typing import Any

import httpx

_TIMEOUT = httpx.Timeout(5)
_LARGEST = 256 * 1024


class PlatformAway(Exception):
    """The platform does not answer, or says that it cannot now."""


class PlatformRefused(Exception):
    """The platform answers that it will not."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


_AWAY = {408, 425, 429}
"""Statuses below 500 that mean: not now (RFC 9110, RFC 8470, RFC 6585)."""


def request(method: str, url: str, **options: Any) -> bytes:
    """The body of a successful answer. Raises `PlatformAway` or `PlatformRefused`."""
    try:
        with (
            # Nothing compressed: a small answer must stay small.
            httpx.Client(timeout=_TIMEOUT, follow_redirects=False, headers={"Accept-Encoding": "identity"}) as client,
            client.stream(method, url, **options) as answer,
        ):
            body = b""
            for chunk in answer.iter_raw():
                body += chunk
                if len(body) > _LARGEST:
                    raise PlatformAway(f"{url} answers with more than {_LARGEST:,} bytes")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PlatformAway(f"{url}: {error or type(error).__name__}") from error
    if answer.is_success:
        return body
    told = "".join(char if char.isprintable() else " " for char in body[:200].decode("utf-8", "replace"))
    message = f"{url} answers {answer.status_code}: {told}"
    if answer.is_server_error or answer.status_code in _AWAY:
        raise PlatformAway(message)
    raise PlatformRefused(message, answer.status_code)


def json_object(method: str, url: str, **options: Any) -> dict[str, Any]:
    """The JSON object that is answered. Raises `PlatformAway` or `PlatformRefused`."""
    body = request(method, url, **options)
    try:
        found = json.loads(body)
    except ValueError as error:
        raise PlatformAway(f"{url} answers with something that is not JSON") from error
    if not isinstance(found, dict):
        raise PlatformAway(f"{url} answers with something that is no JSON object")
    return found
