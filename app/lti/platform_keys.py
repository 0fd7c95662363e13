"""A cache of the public keys of platforms. An unknown key id fetches a platform's keys again, within a rate limit."""

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

CACHE_SECONDS = 3600.0
"""A key that a platform withdraws is trusted for at most this long."""
_MAX_FETCHES, _FETCH_SECONDS = 3, 60.0
"""Fetches from one platform in so many seconds, whatever key ids launches name."""
_MIN_BITS = 2048


class KeyUnknown(Exception):
    """The platform publishes no key with this id."""


class PlatformKeys:
    """The keys of all platforms in this process. Thread-safe."""

    def __init__(
        self,
        fetch: Callable[[str], dict[str, Any]] = lambda url: outgoing.json_object("GET", url),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._limit = RateLimit(_MAX_FETCHES, _FETCH_SECONDS, clock)
        self._cache: dict[str, tuple[float, dict[str, PyJWK]]] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._lock = threading.Lock()

    def key(self, jwks_url: str, kid: str) -> PyJWK:
        """The key with this id. Raises `KeyUnknown`, `PlatformAway` or `PlatformRefused`."""
        with self._lock:
            platform_lock = self._locks[jwks_url]
        # One lock for each platform: launches of the others do not wait for its answer.
        with platform_lock:
            key = self._fresh(jwks_url).get(kid)
            if key is None and not self._limit.wait(jwks_url):
                self._limit.note(jwks_url)
                self._cache[jwks_url] = self._clock(), rsa_keys(self._fetch(jwks_url))
                key = self._fresh(jwks_url).get(kid)
        if key is None:
            raise KeyUnknown(f"{jwks_url} has no key {kid!r}")
        return key

    def _fresh(self, jwks_url: str) -> dict[str, PyJWK]:
        fetched_at, keys = self._cache.get(jwks_url, (0.0, {}))
        return keys if self._clock() - fetched_at < CACHE_SECONDS else {}


def rsa_keys(document: dict[str, Any]) -> dict[str, PyJWK]:
    """The RSA signing keys of a key set; other entries are ignored."""
    keys: dict[str, PyJWK] = {}
    items = document.get("keys")
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict) or item.get("kty") != "RSA" or item.get("use", "sig") != "sig":
            continue
        if not isinstance(item.get("kid"), str) or item.get("alg", ALGORITHM) != ALGORITHM:
            continue
        try:
            key = PyJWK({"kty": "RSA", "n": item.get("n"), "e": item.get("e")}, ALGORITHM)
        except (PyJWTError, ValueError, TypeError):
            continue
        if key.key.key_size >= _MIN_BITS:
            keys[item["kid"]] = key
    return keys
