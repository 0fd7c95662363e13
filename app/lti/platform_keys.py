"""The public keys of platforms, kept by key id, asked for again when one is unknown, but not often."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from app.auth.limits import RateLimit
from app.lti import outgoing
from app.lti.keys import ALGORITHM

KEPT_SECONDS = 3600.0
"""So long a key is believed in without asking: a platform that withdraws one is heard within the hour."""
_FETCHES, _FETCH_SECONDS = 3, 60.0
"""So often, in so many seconds, one platform is asked, whatever key ids launches name."""
_SMALLEST_BITS = 2048


class KeyUnknown(Exception):
    """The platform publishes no such key, as far as it was asked."""


class PlatformKeys:
    """Keys of all platforms in this process. Safe to use from several threads."""

    def __init__(
        self,
        fetch: Callable[[str], dict[str, Any]] = lambda url: outgoing.json_object("GET", url),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._limit = RateLimit(_FETCHES, _FETCH_SECONDS, clock)
        self._kept: dict[str, tuple[float, dict[str, PyJWK]]] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def key(self, jwks_url: str, kid: str) -> PyJWK:
        """The key with this id. Raises `KeyUnknown`, `PlatformAway` or `PlatformRefused`."""
        with self._lock:
            asking = self._locks[jwks_url]
        # Only launches of this platform wait for its answer.
        with asking:
            found = self._fresh(jwks_url).get(kid)
            if found is None and not self._limit.wait(jwks_url):
                self._limit.note(jwks_url)
                self._kept[jwks_url] = self._clock(), _usable(self._fetch(jwks_url))
                found = self._fresh(jwks_url).get(kid)
        if found is None:
            raise KeyUnknown(f"{jwks_url} has no key {kid!r}")
        return found

    def _fresh(self, jwks_url: str) -> dict[str, PyJWK]:
        since, found = self._kept.get(jwks_url, (0.0, {}))
        return found if self._clock() - since < KEPT_SECONDS else {}


def _usable(document: dict[str, Any]) -> dict[str, PyJWK]:
    """The keys that sign with RSA; whatever else is published there is left alone."""
    found: dict[str, PyJWK] = {}
    listed = document.get("keys")
    for item in listed if isinstance(listed, list) else []:
        if not isinstance(item, dict) or item.get("kty") != "RSA" or item.get("use", "sig") != "sig":
            continue
        if not isinstance(item.get("kid"), str) or item.get("alg", ALGORITHM) != ALGORITHM:
            continue
        try:
            key = PyJWK({"kty": "RSA", "n": item.get("n"), "e": item.get("e")}, ALGORITHM)
        except (PyJWTError, ValueError, TypeError):
            continue
        if key.key.key_size >= _SMALLEST_BITS:
            found[item["kid"]] = key
    return found
