"""Questions 2.2 and 3.2: one choice of several. Reads the file of answers; `choice_reading` reads one answer."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from grader.assignment import Question
from grader.checks import choice_reading
from grader.evidence import ChoiceEvidence, Note
from grader.intake import encoding

ANSWERS_LIMIT = 100
"""Answers in one hand-in."""
TEXT_LIMIT = 2_000
"""Characters of one answer."""
_NUMBER = re.compile(r"(?:q|question|ans|answer|第|[問问]?[題题])?[\s._-]*(\d{1,3})\s*[._-]\s*(\d{1,3})\s*[題题]?[.:]?")
_WITHIN = re.compile(r"(?<![\d.])(\d{1,3})[ ]?[._-][ ]?(\d{1,3})(?![\d.])")


class AnswersError(ValueError):
    """The answers are no JSON object of short texts. The message is a sentence for the student."""


def read_answers(data: bytes) -> dict[str, str]:
    """The answers by question number.

    Numbers and booleans become texts (``true``, ``2``). Raises `AnswersError` for everything else.
    """
    decoded = encoding.decode(data)
    if isinstance(decoded, Note):
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
    # Two spellings of one number: the plain one counts, and of equals the later, as in JSON itself.
    ordered = sorted(answers.items(), key=lambda item: item[0].strip() == _plain_number(item[0]))
    read = {_plain_number(number): _text(number, answer) for number, answer in ordered}
    within = [_number_within(key) for key in read]
    alone = {number for number in within if number is not None and number not in read and within.count(number) == 1}
    return {number if number in alone else key: read[key] for key, number in zip(read, within, strict=True)}


def _plain_number(number: str) -> str:
    """``2.2`` for ``Q2.2``, ``question 2-2`` and the like."""
    folded = unicodedata.normalize("NFKC", number).casefold().strip()
    found = _NUMBER.fullmatch(folded)
    return f"{found[1]}.{found[2]}" if found else number.strip()


def _number_within(key: str) -> str | None:
    """``2.2`` for ``hw13-2.2`` and ``2.2 Temperature``: the one number of a question in a key of many words."""
    found = set(_WITHIN.findall(unicodedata.normalize("NFKC", key)))
    return ".".join(found.pop()) if len(found) == 1 else None


def _text(number: str, answer: Any) -> str:
    if isinstance(answer, bool):
        return "true" if answer else "false"
    if answer is None:
        return ""
    if not isinstance(answer, str):
        raise AnswersError(f"The answer to {number[:20]} must be a text, not a list or an object.")
    if len(answer) > TEXT_LIMIT:
        raise AnswersError(f"The answer to {number[:20]} has {len(answer)} characters; at most {TEXT_LIMIT} are taken.")
    # Half a surrogate pair can be escaped in JSON, but no database stores it.
    return answer.encode("utf-8", "replace").decode("utf-8")


def measure(answers: Mapping[str, str] | None, question: Question) -> ChoiceEvidence:
    """Which choice of the question was meant. An answer that names none, or more than one, stays as it was written."""
    written = (answers or {}).get(question.number, "").strip()
    if not written:
        return _under_another_key(answers or {}, question)
    meant = choose(written, question)
    if meant is None:
        return ChoiceEvidence(answer=written)
    read = Note(id="choice.read_as", params={"written": written[:200], "answer": meant})
    return ChoiceEvidence(answer=meant, notes=() if choice_reading.fold(written) == meant else (read,))


def choose(written: str, question: Question) -> str | None:
    """The choice of the question that an answer means and says nothing beside, or ``None``."""
    return choice_reading.choose(written, question.options["choices"], question.options.get("wordings", {}))


def _under_another_key(answers: Mapping[str, str], question: Question) -> ChoiceEvidence:
    """An answer under the chapter's number alone, where it is one of this question's; else which keys say nothing."""
    chapter = question.number.partition(".")[0]
    meant = choose(answers.get(chapter, ""), question)
    if meant is not None:
        note = Note(id="choice.read_as", params={"written": f"{chapter}: {answers[chapter][:200]}", "answer": meant})
        return ChoiceEvidence(answer=meant, notes=(note,))
    elsewhere = answers.get(chapter, "").strip()
    if choice_reading.mentions(elsewhere, question.options["choices"]):
        return ChoiceEvidence(answer=elsewhere)
    others = [key[:40] for key in answers if not re.fullmatch(r"\d+\.\d+", key)]
    note = Note(id="choice.other_keys", params={"number": question.number, "keys": others[:5]})
    return ChoiceEvidence(submitted=False, notes=(note,) if others else ())
