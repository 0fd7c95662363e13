"""Reads a part of answers: a JSON object of short texts by question number."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from grader.evidence import Observation
from grader.intake import encoding

ANSWERS_LIMIT = 100
"""Most answers in one submission."""
TEXT_LIMIT = 2_000
"""Most characters of one answer."""
_NUMBER = re.compile(r"(?:q|question|ans|answer|第|[問问]?[題题])?[\s._-]*(\d{1,3})\s*[._-]\s*(\d{1,3})\s*[題题]?[.:]?")
_WITHIN = re.compile(r"(?<![\d.])(\d{1,3})[ ]?[._-][ ]?(\d{1,3})(?![\d.])")


class AnswersError(ValueError):
    """The answers are no JSON object of short texts. The message is a sentence for the student."""


def read_answers(data: bytes) -> dict[str, str]:
    """The answers by question number.

    Numbers and booleans become texts (``true``, ``2``). Raises `AnswersError` for everything else.
    """
    decoded = encoding.decode(data)
    if isinstance(decoded, Observation):
        raise AnswersError('The answers are no text. Send a JSON object such as {"2.2": "...", "3.2": "..."}.')
    try:
        # A number with thousands of digits would stop `int`; no answer is a number that needs one.
        answers = json.loads(decoded.text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise AnswersError(
            f'The answers are no valid JSON{where}. Write an object such as {{"2.2": "...", "3.2": "..."}}, '
            "with straight double quotes and no comma after the last answer."
        ) from error
    if not isinstance(answers, dict):
        raise AnswersError('The answers must be a JSON object: curly brackets around "question": "answer" pairs.')
    if len(answers) > ANSWERS_LIMIT:
        raise AnswersError(f"There are {len(answers)} answers; at most {ANSWERS_LIMIT} are taken.")
    # Of two spellings of one number the plain one counts, and of equal ones the later, as in JSON itself.
    ordered = sorted(answers.items(), key=lambda item: item[0].strip() == _plain_number(item[0]))
    texts = {_plain_number(number): _text(number, answer) for number, answer in ordered}
    numbers = [_number_within(key) for key in texts]
    by_number = {}
    for key, number in zip(texts, numbers, strict=True):
        # A number inside a longer key counts only if no other key has it.
        if number is None or number in texts or numbers.count(number) > 1:
            number = key
        by_number[number] = texts[key]
    return by_number


def _plain_number(number: str) -> str:
    """``2.2`` for ``Q2.2``, ``question 2-2`` and the like."""
    folded = unicodedata.normalize("NFKC", number).casefold().strip()
    match = _NUMBER.fullmatch(folded)
    return f"{match[1]}.{match[2]}" if match else number.strip()


def _number_within(key: str) -> str | None:
    """``2.2`` for ``hw13-2.2`` and ``2.2 Temperature``, if the key contains the number of one question only."""
    numbers = set(_WITHIN.findall(unicodedata.normalize("NFKC", key)))
    return ".".join(numbers.pop()) if len(numbers) == 1 else None


def _text(number: str, answer: Any) -> str:
    if isinstance(answer, bool):
        return "true" if answer else "false"
    if answer is None:
        return ""
    if not isinstance(answer, str):
        raise AnswersError(f"The answer to {number[:20]} must be a text, not a list or an object.")
    if len(answer) > TEXT_LIMIT:
        raise AnswersError(f"The answer to {number[:20]} has {len(answer)} characters; at most {TEXT_LIMIT} are taken.")
    # JSON can escape half a surrogate pair, but no database stores it.
    return answer.encode("utf-8", "replace").decode("utf-8")
