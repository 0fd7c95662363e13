"""Questions 2.2 and 3.2: one choice of several, written as students write it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from grader.assignment import Question
from grader.evidence import ChoiceEvidence, Note
from grader.intake import encoding

ANSWERS_LIMIT = 100
"""Answers in one hand-in."""
TEXT_LIMIT = 2_000
"""Characters of one answer."""
_YES = frozenset({"yes", "y", "true", "是", "可以", "能", "會"})
_NO = frozenset({"no", "n", "false", "否", "不", "不可以", "不能", "不會", "不行"})
_NO_ANSWER = frozenset({"idea", "answer", "clue", "comment", "opinion", "preference", "doubt", "problem", "wonder"})
_DENIES = re.compile(r"\b(?:not?|never|isn|aren|doesn|don|won|wouldn|cannot|same)\b|[不沒没無无]")
_TURNS = re.compile(rf"{_DENIES.pattern}|\b(?:less|low|lower|small|smaller|decreas\w*|reduc\w*)\b|[小低減减]")
"""What turns a sentence round: "a lower T gives a harder one" says that a higher one gives a softer one."""
_LABELLED = re.compile(r"\(?[a-z1-9][).:、]\)?\s*(.+)", re.DOTALL)
_WORDS = re.compile(r"[^\W_]+")
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
    meant = choose(written, question.options["choices"])
    if meant is None:
        return ChoiceEvidence(answer=written[:200])
    read = Note(id="choice.read_as", params={"written": written[:200], "answer": meant})
    return ChoiceEvidence(answer=meant, notes=() if _plain(written) == meant else (read,))


def _under_another_key(answers: Mapping[str, str], question: Question) -> ChoiceEvidence:
    """An answer under the chapter's number alone, where it is one of this question's; else which keys say nothing."""
    chapter = question.number.partition(".")[0]
    meant = choose(answers.get(chapter, ""), question.options["choices"])
    if meant is not None:
        note = Note(id="choice.read_as", params={"written": f"{chapter}: {answers[chapter][:200]}", "answer": meant})
        return ChoiceEvidence(answer=meant, notes=(note,))
    others = [key[:40] for key in answers if not re.fullmatch(r"\d+\.\d+", key)]
    note = Note(id="choice.other_keys", params={"number": question.number, "keys": others[:5]})
    return ChoiceEvidence(submitted=False, notes=(note,) if others else ())


def choose(written: str, choices: Mapping[str, Mapping[str, str]]) -> str | None:
    """The one choice that a text means, or ``None``.

    Understood are, in this order: the choice's key, its text in any language, yes and no in other words, a letter in
    front of the text, a sentence that begins with the key, and a text in which exactly one key appears as a word.
    """
    texts = {_plain(text): key for key, translations in choices.items() for text in translations.values()}
    while True:
        plain = _plain(written)
        if plain in choices:
            return plain
        if plain in texts:
            return texts[plain]
        labelled = _LABELLED.fullmatch(written.strip().lower())
        if labelled is None:
            break
        written = labelled[1]
    words = _WORDS.findall(plain)
    if {"yes", "no"} <= set(choices):
        return _yes_or_no(plain, words)
    # "not harder" names a choice in order to refuse it.
    named = {key for key in choices if key in words and not _is_refused(key, words)}
    key = named.pop() if len(named) == 1 else None
    return None if key is None or _is_turned(key, words) else key


def _is_refused(key: str, words: list[str]) -> bool:
    return any(words[position - 1] in {"not", "isn", "never"} for position, word in enumerate(words) if word == key)


def _is_turned(key: str, words: list[str]) -> bool:
    """Whether the words before the key, or a condition after it, may say the opposite: only a person can tell."""
    place = words.index(key)
    conditions = [words.index(word, place) for word in ("when", "if") if word in words[place:]]
    told = [*words[:place], *(words[min(conditions) :] if conditions else ())]
    return _TURNS.search(" ".join(told)) is not None


def _plain(text: str) -> str:
    """Without case, width, punctuation at the ends, or doubled spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(folded.split()).strip(" \t.,;:!?\"'`()[]*。，！？「」")


def _yes_or_no(plain: str, words: list[str]) -> str | None:
    if {"yes", "no"} <= set(words[:3]):
        return None
    first = words[0] if words else ""
    if plain in _YES or (first in _YES and first != "y"):
        return None if _DENIES.search(plain) else "yes"  # "Yes, it is not faster"
    if words[1:2] and words[1] in _NO_ANSWER:
        return None  # "no idea" is no answer, "no doubt it is" another one; the "n" of "N/A" neither
    return "no" if plain in _NO or (first in _NO and first != "n") else None
