"""The service's key pairs: creating, rotating, publishing, signing. Private keys stay in the database."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.audit import service as audit
from app.db.base import now
from app.lti import repository
from app.lti.models import ToolKey
from app.problems import Unavailable

ALGORITHM = "RS256"
"""The one algorithm of LTI that every platform knows (1EdTech Security Framework 1.0, 5.1.3)."""
_BITS = 2048
BEFORE_SIGNING = timedelta(hours=1)
"""A new key is published this long before it signs, because platforms cache the key set."""
AFTER_SIGNING = timedelta(days=7)
"""A former key stays published this long after its last signature."""
BACKDATED = timedelta(minutes=1)
"""Tokens are dated back, because a platform whose clock is behind refuses a token from the future."""
LIFETIME = timedelta(minutes=5)
"""From the date of issue to the end: platforms accept no less, and some no more (Canvas: an `iat` of 5 minutes ago)."""


class NoKey(Unavailable):
    """There is no key to sign with yet. An admin creates one with `assay lti add` or `assay lti rotate`."""

    slug = "lti-no-key"


class KeyNotStored(Unavailable):
    """The new key could not be stored, and nothing was changed. Try again."""

    slug = "lti-key-not-stored"


def ensure(session: Session) -> None:
    """Create the first key if there is none."""
    if not repository.published_keys(session, now()):
        _create(session, now())


def rotate(session: Session, *, at_once: bool, actor: str) -> ToolKey:
    """Create a key that signs after `BEFORE_SIGNING`; the former ones stay published for `AFTER_SIGNING` after that.

    ``at_once`` is for a key that may have leaked: the new one signs now, and the former ones are deleted.
    """
    moment = now()
    former = repository.published_keys(session, moment)
    signs_from = moment if at_once or not former else moment + BEFORE_SIGNING
    repository.delete_ended_keys(session, moment)
    for key in former:
        if at_once:
            session.delete(key)
        else:
            key.ends_at = key.ends_at or signs_from + AFTER_SIGNING
    key = _create(session, signs_from)
    audit.record(session, actor, "lti.key.rotate", key.kid, at_once=at_once)
    return key


def jwks(session: Session) -> dict[str, Any]:
    """The public keys as a JWK set (RFC 7517)."""
    return {"keys": [key.public_jwk for key in repository.published_keys(session, now())]}


def sign(session: Session, claims: dict[str, Any]) -> str:
    """A JWT with these claims, ``iat`` and ``exp``. Raises `NoKey`."""
    key = repository.signing_key(session, now())
    if key is None:
        raise NoKey
    issued = now() - BACKDATED
    times = {"iat": int(issued.timestamp()), "exp": int((issued + LIFETIME).timestamp())}
    return jwt.encode({**claims, **times}, key.private_pem, algorithm=ALGORITHM, headers={"kid": key.kid})


def _create(session: Session, signs_from: datetime) -> ToolKey:
    private = rsa.generate_private_key(public_exponent=65_537, key_size=_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    kid = secrets.token_urlsafe(12)
    public = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    jwk = {"kid": kid, "kty": "RSA", "alg": ALGORITHM, "use": "sig", "n": public["n"], "e": public["e"]}
    key = ToolKey(kid=kid, private_pem=pem, public_jwk=jwk, signs_from=signs_from)
    session.add(key)
    try:
        session.flush()
    except SQLAlchemyError:
        # The driver's error contains the private key, which must not reach the log.
        raise KeyNotStored from None
    return key
