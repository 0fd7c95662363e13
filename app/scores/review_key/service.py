"""Pseudonyms of students, and draws of reviews: keyed hashes, which nobody without the key can foresee."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Callable

from sqlalchemy.orm import Session

from app.scores.review_key import repository

_LETTERS = "23456789BCDFGHJKMNPQRSTVWXZ"
"""No vowels, which could make words, and nothing that looks like something else."""
_LENGTH = 6


def pseudonyms(session: Session, slug: str) -> Callable[[str], str]:
    """The function from the login of a student to the pseudonym in one assignment, such as ``7KQ2MX``."""
    key = repository.key(session)

    def pseudonym(login: str) -> str:
        number = _number(key, f"pseudonym\0{slug}\0{login}")
        letters = []
        for _ in range(_LENGTH):
            number, index = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[index])
        return "".join(letters)

    return pseudonym


def draws(session: Session, percent: float) -> Callable[[uuid.UUID, str], bool]:
    """The function that says of a question of a submission whether it is among the drawn percent.

    A larger percentage draws more, and all that a smaller one draws.
    """
    key = repository.key(session)
    return lambda submission, question: _number(key, f"draw\0{submission}\0{question}") < percent / 100 * 2**64


def _number(key: str, text: str) -> int:
    """A number below 2 to the power of 64."""
    return int.from_bytes(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()[:8])
