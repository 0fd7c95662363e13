"""Our key pairs: made, rotated, published, and signed with. The private halves never leave the database."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
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
"""A new key is published so long before it signs: platforms keep the list of our keys for a while."""
AFTER_SIGNING = timedelta(days=7)
"""A former key stays published so long after its last signature."""
BACKDATED = timedelta(minutes=1)
"""Tokens are dated back: a platform whose clock is behind refuses what was issued in its future."""
LIFETIME = timedelta(minutes=5)
"""From the date of issue to the end: platforms accept no less, and some no more (Canvas: an `iat` of 5 minutes ago)."""


class NoKey(Unavailable):
    """There is no key to sign with yet. An admin creates one with `assay lti add` or `assay lti rotate`."""

    slug = "lti-no-key"


class KeyNotStored(Unavailable):
    """The new key could not be stored, and nothing was changed. Try again."""

    slug = "lti-key-not-stored"


def ensure(session: Session) -> None:
    """Make the first key where there is none."""
    if not repository.published_keys(session, now()):
        _make(session, now())


def rotate(session: Session, *, at_once: bool, actor: str) -> ToolKey:
    """Make a new key. It signs in an hour, and the former ones stay published for a week after that.

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
    made = _make(session, signs_from)
    audit.record(session, actor, "lti.key.rotate", made.kid, at_once=at_once)
    return made


def jwks(session: Session) -> dict[str, Any]:
    """The public keys, as RFC 7517 has them."""
    return {"keys": [key.public_jwk for key in repository.published_keys(session, now())]}


def sign(session: Session, claims: dict[str, Any]) -> str:
    """A JWT with these claims, and the times of its issue and end. Raises `NoKey`."""
    key = repository.signing_key(session, now())
    if key is None:
        raise NoKey
    issued = now() - BACKDATED
    times = {"iat": int(issued.timestamp()), "exp": int((issued + LIFETIME).timestamp())}
    return jwt.encode({**claims, **times}, key.private_pem, algorithm=ALGORITHM, headers={"kid": key.kid})


def _make(session: Session, signs_from: Any) -> ToolKey:
    private = rsa.generate_private_key(public_exponent=65_537, key_size=_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    kid = secrets.token_urlsafe(12)
    public = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
    jwk = {"kid": kid, "kty": "RSA", "alg": ALGORITHM, "use": "sig", "n": public["n"], "e": public["e"]}
    made = ToolKey(kid=kid, private_pem=pem, public_jwk=jwk, signs_from=signs_from)
    session.add(made)
    try:
        session.flush()
    except SQLAlchemyError:
        # The driver's error shows what was to be stored, and somebody would log it.
        raise KeyNotStored from None
    return made
