"""One word for one thing, in messages, pages, commands and documents; and messages of at most two sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.presenting import language
from grader import messages
from grader.assignment import bundled, bundled_slugs
from grader.checks.kd_loss import kd_rubric

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
BETTER = {
    r"hand(s|ed|ing)?[ -]ins?": "submission, submit",
    r"hands? (it|them|this) in": "submit",
    r"another look": "regrade request",
    r"(a person|somebody|someone|teaching assistant) (must |will |has |should )?looks?(ed)?": "waiting for review",
    r"waits? for a person": "waiting for review",
    r"(first|second) parts?": "first stage, later stage",
    r"part of the points": "partial credit",
    r"points are in(?! order)": "every question has its verdict",
    r"(are|is|were) exchanged": "swapped",
    r"earns and costs nothing": "does not affect your score",
    r"(is|are) compared are|compared are": "subject, verb, object",
    r"others than": "other ... than",
}
BETTER_CHINESE = {
    "數據點": "資料點",
    "管理者": "管理員",
    "逾期": "遲交",
    "檢查點": "checkpoint",
    "由助教檢視": "待助教審閱",
}
REVIEW = re.compile(r"waiting for review|provisional")
FIXED = re.compile(r"hand_in|handed-in|/hand_ins/|`[^`\n]*`")
"""Routes, names of tests and other code keep their words."""


def name_of(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def old_words(text: str, better: dict[str, str]) -> list[str]:
    """The words of a text that have a better one, each with it."""
    plain = FIXED.sub("", text)
    return [
        f"{match[0]!r}: write {word}"
        for old, word in better.items()
        for match in re.finditer(rf"\b(?:{old})\b" if old.isascii() else old, plain, re.IGNORECASE)
    ]


def texts(tag: str) -> Iterator[str]:
    """Everything that the pages and the reports say in a language."""
    yield from language.texts(tag).values()
    yield from (by_language[tag] for by_language in messages.catalogue().values())


def test_an_old_word_is_seen() -> None:
    assert old_words("The hand-in waits for a person.", BETTER) == [
        "'hand-in': write submission, submit",
        "'waits for a person': write waiting for review",
    ]
    assert old_words("Call `hand_in()`.", BETTER) == []


def test_texts_use_one_word_for_one_thing() -> None:
    assert [found for text in texts("en") for found in old_words(text, BETTER)] == []
    assert [found for text in texts("zh-Hant") for found in old_words(text, BETTER_CHINESE)] == []


def test_commands_use_one_word_for_one_thing() -> None:
    """Help texts and what the commands print stand in their source."""
    sources = [*sorted((ROOT / "app").glob("cli*.py")), *sorted((ROOT / "app/commands").glob("*.py"))]
    strings = [text for source in sources for text in re.findall(r'"(?:[^"\\\n]|\\.)*"', source.read_text())]
    assert [found for text in strings for found in old_words(text, BETTER)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_documents_use_one_word_for_one_thing(document: Path) -> None:
    assert old_words(document.read_text(), BETTER) == []


def test_a_message_has_at_most_two_sentences() -> None:
    """Optional words in double brackets, and what follows a colon, are details."""
    long = {}
    for message_id, by_language in messages.catalogue().items():
        plain = re.sub(r"\[\[.*?\]\]+", "", by_language["en"]).replace("...", "").replace("e.g.", "")
        count = len(re.findall(r"[.?!](?=\s|$)", plain))
        if count > 2:
            long[message_id] = count
    assert long == {}


WITH_A_LOSS = [slug for slug in bundled_slugs() if "kd_mistakes.json" in bundled(slug).files]


@pytest.mark.parametrize("slug", WITH_A_LOSS)
def test_a_known_mistake_promises_a_review_only_where_it_gets_one(slug: str) -> None:
    table = json.loads((ROOT / "grader/assignments" / slug / "kd_mistakes.json").read_text())
    known = {mistake for row in table["mistakes"] for mistake in row["ids"]}
    promising = {mistake for mistake in known if REVIEW.search(messages.catalogue()[mistake]["en"])}
    assignment = bundled(slug)
    (loss,) = (question for question in assignment.questions if question.check == "kd_loss")
    rubric = kd_rubric.rows(assignment, loss)
    assert promising == {
        "kd.soft_term.direction_swapped",
        "kd.soft_term.cross_entropy_not_kl",
    }
    assert [mistake for mistake in sorted(promising) if not rubric.get(mistake, {}).get("needs_review")] == []
