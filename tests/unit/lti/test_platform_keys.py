"""Keys of platforms: which are believed in, for how long, and how often one is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from app.lti.platform_keys import CACHE_SECONDS, KeyUnknown, PlatformKeys

URL = "https://school.example.edu/jwks"


def jwk(kid: str | None, bits: int = 2048, **more: Any) -> dict[str, Any]:
    public = rsa.generate_private_key(public_exponent=65_537, key_size=bits).public_key()
    jwk: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(public))
    return {**jwk, "kid": kid} | more


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Published:
    """A platform's key address."""

    def __init__(self, *keys: Any) -> None:
        self.keys = list(keys)
        self.requests = 0

    def __call__(self, url: str) -> dict[str, Any]:
        self.requests += 1
        return {"keys": self.keys}


def test_a_known_key_is_not_asked_for_again_until_it_is_old() -> None:
    clock, published = Clock(), Published(jwk("a"))
    keys = PlatformKeys(published, clock)
    for _ in range(5):
        keys.key(URL, "a")
    assert published.requests == 1
    published.keys.clear()
    clock.now += CACHE_SECONDS
    with pytest.raises(KeyUnknown):
        keys.key(URL, "a")


def test_unknown_keys_are_asked_for_a_few_times_a_minute() -> None:
    clock, published = Clock(), Published(jwk("a"))
    keys = PlatformKeys(published, clock)
    for number in range(20):
        with pytest.raises(KeyUnknown):
            keys.key(URL, f"of-nobody-{number}")
    assert published.requests == 3
    published.keys.append(jwk("b"))
    clock.now += 61
    keys.key(URL, "b")
    assert published.requests == 4
    keys.key("https://another.example.edu/jwks", "a")


@pytest.mark.parametrize(
    "wrong", ["short", "for encryption", "another algorithm", "shared", "curve", "no kid", "private"]
)
def test_keys_that_must_not_sign_are_left_alone(wrong: str) -> None:
    curve = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()).public_key()))
    private = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(public_exponent=65_537, key_size=2048)))
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "short": lambda: jwk("k", bits=1024),
        "for encryption": lambda: jwk("k", use="enc"),
        "another algorithm": lambda: jwk("k", alg="HS256"),
        "shared": lambda: {"kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "HS256"},
        "curve": lambda: {**curve, "kid": "k"},
        "no kid": lambda: jwk(None),
        "private": lambda: {**private, "kid": "k", "n": None},
    }
    keys = PlatformKeys(Published(makers[wrong](), "nonsense", jwk("good")), Clock())
    with pytest.raises(KeyUnknown):
        keys.key(URL, "k")
    assert keys.key(URL, "good").key_id is None
